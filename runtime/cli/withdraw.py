"""`trunkline withdraw`: takes a request back."""

from __future__ import annotations

from trunkline.runtime.cli.deciding import By, Reason, WhichCall, decide
from trunkline.runtime.cli.options import DEFAULT_DATABASE, Database, Verbose


def withdraw(
    call: WhichCall,
    by: By = "",
    reason: Reason = "",
    database: Database = DEFAULT_DATABASE,
    verbose: Verbose = False,
) -> None:
    """Take a request back before its call runs."""
    del verbose
    decide(database, call, lambda desk, call_id: desk.withdraw(call_id, by=by, reason=reason))

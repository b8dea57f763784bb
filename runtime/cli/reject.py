"""`trunkline reject`: refuses a call that waits."""

from __future__ import annotations

from trunkline.runtime.cli.deciding import By, Note, Reason, WhichCall, decide
from trunkline.runtime.cli.options import DEFAULT_DATABASE, Database, Verbose


def reject(
    call: WhichCall,
    by: By = "",
    reason: Reason = "",
    note: Note = "",
    database: Database = DEFAULT_DATABASE,
    verbose: Verbose = False,
) -> None:
    """Refuse a call; the conversation is told the reason at its next turn."""
    del verbose
    decide(database, call, lambda desk, call_id: desk.reject(call_id, by=by, reason=reason, note=note))

"""`trunkline confirm`: records that the customer agrees to a call."""

from __future__ import annotations

from typing import Annotated

import typer

from trunkline.runtime.cli.deciding import WhichCall, With, decide, require_done
from trunkline.runtime.cli.options import DEFAULT_DATABASE, Database, Verbose

ByCustomer = Annotated[str, typer.Option(metavar="NAME", help="Who agrees.")]


def confirm(
    call: WhichCall,
    by: ByCustomer = "customer",
    with_: With = None,
    database: Database = DEFAULT_DATABASE,
    verbose: Verbose = False,
) -> None:
    """Record that the customer agrees to a call; people of the company may have to agree as well."""
    del verbose
    require_done(decide(database, call, lambda desk, call_id: desk.confirm(call_id, by=by), with_=with_))

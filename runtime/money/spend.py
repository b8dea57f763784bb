"""What one model call used and cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from trunkline.agents.price import MicroDollars


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """One row of the spend ledger. Token counts are None when the provider did not report them."""

    span_id: str
    tenant: str
    run_id: str
    thread_id: str
    model: str
    input_tokens: int | None
    cached_tokens: int | None
    """Included in input_tokens."""

    output_tokens: int | None
    micro_usd: MicroDollars | None
    """None: nobody knows the price."""

    at: datetime

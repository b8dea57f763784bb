"""What was done on a line: the figures that a supervisor wants to see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trunkline.runtime.calls.record import CallRecord
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.call_book import CallBook, CallTally
from trunkline.runtime.storage.runs import RunStore
from trunkline.runtime.storage.spans import SpanStore
from trunkline.runtime.tracing.batches import Batch, batches
from trunkline.runtime.tracing.totals import totals
from trunkline.tools.call import CallState
from trunkline.tools.ledger import WAITING


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkReport:
    """The work of one tenant, read from the database."""

    runs: Mapping[RunStatus, int]
    calls: Sequence[CallTally]
    waiting: Sequence[CallRecord]
    """The calls that wait for a person's decision."""

    model_calls: int
    input_tokens: int
    output_tokens: int
    micro_usd: int | None
    """None: no model call has a known price."""

    unpriced: int
    """Model calls whose price is not known; they are not in `micro_usd`."""

    call_seconds: float
    """All tool calls added up."""

    batch_one_by_one: float
    """Seconds that the calls which were asked for together would have taken one after another."""

    batch_seconds: float
    """Seconds that they took."""

    widest_run: str | None
    """The run in which running side by side saved most."""

    def count(self, *states: CallState, tool: str | None = None) -> int:
        """Return how many calls stand in one of these states, of one tool or of all."""
        return sum(tally.count for tally in self.calls if tally.state in states and tool in {None, tally.tool})

    def attempts_repeated(self, *, tool: str | None = None) -> int:
        """Return how many attempts were repeated, because the answer to the one before got lost."""
        return sum(tally.repeated for tally in self.calls if tool in {None, tally.tool})

    @property
    def total_calls(self) -> int:
        """How many calls are on the ledger."""
        return sum(tally.count for tally in self.calls)


async def work_report(*, runs: RunStore, spans: SpanStore, book: CallBook, tenant: str) -> WorkReport:
    """Read the report of a tenant."""
    by_run = await spans.of_tenant(tenant)
    every = [span for of_run in by_run.values() for span in of_run]
    together = {run: batches(of_run) for run, of_run in by_run.items()}
    sums = totals(every)
    return WorkReport(
        runs=await runs.statuses(tenant),
        calls=await book.tally(),
        waiting=await book.calls(states=WAITING),
        model_calls=sums.model_calls,
        input_tokens=sums.input_tokens,
        output_tokens=sums.output_tokens,
        micro_usd=sums.micro_usd,
        unpriced=sums.unpriced,
        call_seconds=sums.tool_seconds,
        batch_one_by_one=sum(batch.one_by_one for group in together.values() for batch in group),
        batch_seconds=sum(batch.seconds for group in together.values() for batch in group),
        widest_run=_widest(together),
    )


def _widest(together: Mapping[str, Sequence[Batch]]) -> str | None:
    saved = {run: sum(batch.saved for batch in group) for run, group in together.items()}
    return max(saved, key=lambda run: saved[run]) if saved else None

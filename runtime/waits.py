"""How long runs waited in the queue before they began."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trunkline.runtime.storage.run_rows import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """The seconds from submission to start, in order."""

    seconds: Sequence[float]

    @classmethod
    def of(cls, runs: Iterable[Run]) -> Waits:
        """Return the waits of these runs. One that began again after a crash counts by its last beginning."""
        waited = [(run.started_at - run.queued_at).total_seconds() for run in runs if run.queued_at]
        return cls(seconds=sorted(waited))

    @property
    def p50(self) -> float:
        """Half of the runs waited no longer; 0 when there were none."""
        return self._at(0.5)

    @property
    def p95(self) -> float:
        """95 of 100 runs waited no longer; 0 when there were none."""
        return self._at(0.95)

    def _at(self, share: float) -> float:
        return self.seconds[max(0, math.ceil(share * len(self.seconds)) - 1)] if self.seconds else 0.0

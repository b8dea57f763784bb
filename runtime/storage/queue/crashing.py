"""What becomes of a run that has taken a process down with it."""

from __future__ import annotations

from typing import Any

from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.queue.clock import moment

ALONE_AFTER = 2
"""A run that has taken so many processes down is served in a process of its own, by workers that can."""

MOST_CRASHES = 3
"""A run that has taken so many processes down is not tried again."""

MOST_DEATHS = 10
"""A run whose workers have died so often is not tried again, although it ran in a process of its own."""

_ADVICE = "run the thread with None to go on from what was finished"


def after_crash(run: Any, now: int, *, error: str, most: int = MOST_CRASHES) -> dict[str, Any]:
    """Return the changes of its row: it is queued again, or over. `error` says who died, and of what."""
    counted = {"crashes": run.crashes + 1, "error": error}
    over = {"ended_at": moment(now), "resume": None}
    if run.cancel is not None:
        return {"status": RunStatus.CANCELLED.value, **over, **counted}
    if run.reference is None:
        return {"status": RunStatus.FAILED.value, **over, **counted, "error": f"{error}; {_ADVICE}"}
    if run.crashes + 1 >= most:
        told = f"given up after {run.crashes + 1} crashes, the last: {error}"
        return {"status": RunStatus.DEAD.value, **over, **counted, "error": told}
    return {"status": RunStatus.QUEUED.value, "not_before": now, **counted}


def taken_back(run: Any, now: int) -> dict[str, Any]:
    """Return the changes of its row where a worker that lives does not have it: nothing is counted."""
    if run.cancel is not None:
        return {"status": RunStatus.CANCELLED.value, "ended_at": moment(now)}
    if run.reference is None:
        return {"status": RunStatus.FAILED.value, "ended_at": moment(now), "error": f"it never began; {_ADVICE}"}
    return {"status": RunStatus.QUEUED.value, "not_before": now}

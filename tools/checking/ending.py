"""How a rehearsed batch ended: what its calls answered, and the state that they left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from trunkline.tools.call import CallResult
from trunkline.tools.checking.difference import Difference, differences
from trunkline.tools.outcome import Done, Failed, Outcome, Pending, StillRunning, Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The results of a batch, in its order, and the state after it."""

    results: Sequence[CallResult]
    state: Any
    steps: Sequence[int]
    """How many steps each call took."""

    ignore: Sequence[str]
    """Patterns of fields that may differ."""

    @property
    def outcome(self) -> Outcome:
        """How the first call ended."""
        return self.results[0].outcome

    def changes_of(self, before: Any) -> list[Difference]:
        """Return what is otherwise than in the state before."""
        return list(differences(before, self.state, ignore=self.ignore))

    def first_difference(self, got: Ending) -> Difference | None:
        """Return where another run of the same batch first differs from this one, in state or answers, or None."""
        in_state = differences(self.state, got.state, ignore=self.ignore)
        return next(in_state, None) or next(self.other_answers(got), None)

    def other_answers(self, got: Ending) -> Iterator[Difference]:
        """Return where the answers of another run of the same batch differ from these."""
        for expected, other in zip(self.results, got.results, strict=True):
            tool = expected.request.name
            answers = _answer(expected.outcome), _answer(other.outcome)
            for found in differences(*answers, ignore=self.ignore, path=(tool,)):
                yield replace(found, path=found.path[1:], answer_of=tool)


def _answer(outcome: Outcome) -> Any:
    match outcome:
        case Done(output=output):
            return output
        case Failed(kind=kind, message=message):
            return {"error": kind.value, "message": message}
        case Unknown(message=message):
            return {"error": "unknown", "message": message}
        case Pending(reason=reason, of=of):
            return {"status": f"pending_{of}", "reason": reason}
        case StillRunning():
            return {"status": "still_running"}

"""The model's side of a scenario: it answers what the turn under way says, and checks what it was given to read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from langchain_core.messages import AIMessage, BaseMessage, SystemMessage

from trunkline.agents import ScriptedCall, Step, Turn
from trunkline.errors import ScriptError
from trunkline.runtime.scenarios.steps import Answer


class TurnScript:
    """The answers of the turn under way; what did not fit is in `faults`."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self._place, self._answers, self._given = "", list[Answer](), 0

    def begin(self, place: str, answers: Sequence[Answer]) -> None:
        """Answer with these from now on."""
        self._place, self._answers, self._given = place, list(answers), 0

    def end(self) -> None:
        """Note the answers that nobody asked for."""
        if left := len(self._answers) - self._given:
            self.faults.append(f"{self._place}.model: {left} of {len(self._answers)} answers were not asked for")
        self._answers, self._given = [], 0

    def __call__(self, messages: list[BaseMessage]) -> Step:
        """Return the next answer. Raises `ScriptError` when there is none left."""
        number = self._given
        if number >= len(self._answers):
            problem = f"{self._place}.model has {number} answers and was asked for one more"
            raise ScriptError(problem)
        self._given += 1
        answer = self._answers[number]
        self._look(answer, messages, place=f"{self._place}.model[{number}]")
        return Turn(say=answer.say, calls=[ScriptedCall(call.tool, dict(call.arguments)) for call in answer.calls])

    def _look(self, answer: Answer, messages: Sequence[BaseMessage], *, place: str) -> None:
        instructions = [message.text for message in messages[:1] if isinstance(message, SystemMessage)]
        newest = [message.text for message in _since_last_answer(messages)]
        read = "\n".join(newest if newest[:1] == instructions else [*instructions, *newest])
        shown = f"it read: {_shortened(' | '.join(newest[1:] if newest[:1] == instructions else newest))}"
        self.faults += [f"{place}.sees: {text!r} is missing; {shown}" for text in answer.sees if text not in read]
        self.faults += [f"{place}.sees_not: {text!r} is there; {shown}" for text in answer.sees_not if text in read]


def _since_last_answer(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    return list(takewhile(lambda message: not isinstance(message, AIMessage), reversed(messages)))[::-1]


def _shortened(text: str, length: int = 600) -> str:
    return text if len(text) <= length else f"{text[:length]}…"

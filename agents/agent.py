"""An agent: a model, a prompt, a toolbox, and how often it may ask for tools."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from langchain_core.language_models import BaseChatModel

from trunkline.agents.prompt import Prompt
from trunkline.tools.decorator import Adoptable
from trunkline.tools.tool import Tool
from trunkline.tools.toolbox import Toolbox

DEFAULT_ROUNDS = 20


class Agent:
    """What decides: a chat model (or the name of one in `models.yaml`), its instructions, and the tools it may call.

    `prompt` is a text, the path of a prompt file, or a `Prompt`; its variables are filled from the graph's state.
    `rounds` is how many times the agent may ask for tools in one run: asking once more is a `RoundLimitError`.
    """

    def __init__(
        self,
        name: str,
        *,
        model: BaseChatModel | str,
        prompt: Prompt | Path | str = "",
        tools: Toolbox | Iterable[Tool | Adoptable] = (),
        rounds: int = DEFAULT_ROUNDS,
    ) -> None:
        if rounds < 1:
            message = f"rounds must be at least 1, got {rounds}"
            raise ValueError(message)
        self.name = name
        self.model = model
        self.prompt = _prompt(prompt, name)
        self.toolbox = tools if isinstance(tools, Toolbox) else Toolbox(tools)
        self.rounds = rounds

    def __repr__(self) -> str:
        return f"Agent({self.name!r}, tools={self.toolbox.names})"


def _prompt(prompt: Prompt | Path | str, name: str) -> Prompt:
    match prompt:
        case Prompt():
            return prompt
        case Path():
            return Prompt.from_file(prompt)
        case str():
            return Prompt.from_text(prompt, name=name)

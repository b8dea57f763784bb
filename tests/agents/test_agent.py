"""Agents."""

from pathlib import Path

import pytest

from trunkline.agents import Agent, Prompt, ScriptedModel
from trunkline.errors import DuplicateToolError
from trunkline.tools import Toolbox


def look(order_id: str) -> str:
    """Look."""
    return order_id


def test_an_agents_prompt_is_a_text_a_file_or_a_prompt(tmp_path: Path) -> None:
    """A text takes the agent's name, a file its own."""
    (tmp_path / "kind.md").write_text("Be kind.")
    prompts: list[Prompt | Path | str] = ["Be kind.", tmp_path / "kind.md", Prompt.from_text("Be kind.", name="own")]
    agents = [Agent("desk", model="fast", prompt=prompt) for prompt in prompts]

    assert [(agent.prompt.name, agent.prompt.text) for agent in agents] == [
        ("desk", "Be kind."),
        ("kind", "Be kind."),
        ("own", "Be kind."),
    ]


def test_an_agents_tools_are_a_toolbox_or_become_one() -> None:
    """A toolbox may be shared by several agents."""
    box = Toolbox([look])

    assert Agent("desk", model="fast", tools=box).toolbox is box
    assert repr(Agent("desk", model=ScriptedModel([]), tools=[look])) == "Agent('desk', tools=['look'])"
    with pytest.raises(DuplicateToolError):
        Agent("desk", model="fast", tools=[look, look])


@pytest.mark.parametrize("rounds", [0, -1])
def test_an_agent_has_at_least_one_round(rounds: int) -> None:
    """An agent that may not ask for its tools should have none."""
    with pytest.raises(ValueError, match=f"rounds must be at least 1, got {rounds}"):
        Agent("desk", model="fast", rounds=rounds)

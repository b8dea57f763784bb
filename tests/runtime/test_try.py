from trunkline.runtime.storage.database import open_database
from trunkline import Agent, ScriptedModel, Trunkline
import pytest


@pytest.mark.parametrize("n", range(5))
async def test_a(url: str, n: int) -> None:
    async with Trunkline(url) as line:
        reply = await line.run(Agent("a", model=ScriptedModel(["hi"])), "hello")
    assert reply.text.strip() == "hi"


async def test_b(url: str) -> None:
    async with open_database(url) as d:
        await d.flush()

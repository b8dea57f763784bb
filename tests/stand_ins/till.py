"""A small project for scenarios: a till that pays out, slowly, and with a colleague's agreement over 50."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from trunkline import Agent, tool
from trunkline.runtime.scenarios import Happened, Setting, Stage
from trunkline.tools import over


class Till(Stage):
    """Has so much money as is given; `drifts` makes its end depend on the latencies, as no stage should."""

    def __init__(self, setting: Setting) -> None:
        self._setting, self._rng = setting, Random(setting.seed)
        self._money: int = setting.given.get("money", 100)
        self._drifts: bool = setting.given.get("drifts", False)
        self._did: list[Happened] = []
        self._asked: Counter[str] = Counter()

    def agent(self) -> Agent:
        async def take(operation: str) -> None:
            self._asked[operation] += 1
            await asyncio.sleep(self._rng.uniform(0.1, 0.2))

        @tool(effect="read", reads="till")
        async def count() -> int:
            """Count the money."""
            await take("count")
            return self._money

        @tool(effect="write", key="pay:{to}", writes="till", approve=over(50))
        async def pay(to: str, amount: int) -> str:
            """Pay out."""
            await take("pay")
            self._money -= amount + (self._rng.randrange(2) if self._drifts else 0)
            self._did.append(
                Happened(operation="pay", arguments={"to": to, "amount": amount}, kinds=frozenset({"out"}))
            )
            return f"{amount} for {to}"

        return Agent("till", model=self._setting.model, tools=[count, pay])

    def state(self) -> Mapping[str, object]:
        return {"till": {"money": self._money}}

    def happened(self) -> Sequence[Happened]:
        return self._did

    def asked(self) -> Mapping[str, int]:
        return self._asked

    def change(self, what: Mapping[str, Any]) -> None:
        self._money = what["money"]

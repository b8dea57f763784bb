"""A service desk: a shop, the tools over it, and what comes of serving a task there."""

from __future__ import annotations

import json
from dataclasses import dataclass

from retail.pace import Delay, Pace
from retail.records import Records
from retail.shop import Shop
from retail.tasks import Action
from retail.tools import retail_toolbox
from trunkline.tools import ToolRejectedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the model reads as the result of one call."""

    refused: bool
    value: object
    """The output as JSON gives it back, or the text of the refusal."""


class Desk:
    """Serves one task after another; each starts from the same records."""

    def __init__(self, records: Records, delay: Delay) -> None:
        self.shop = Shop(records)
        self.pace = Pace(delay)
        self.toolbox = retail_toolbox(self.shop, self.pace)

    def clear(self) -> None:
        """Make ready for the next task."""
        self.shop.clear()
        self.pace.restart()

    async def serve(self, action: Action) -> Answer:
        """Run one action by the bare function of its tool."""
        found = self.toolbox.get(action.name)
        if found is None:
            raise LookupError(f"the retail agent has no tool {action.name!r}, which a task names")
        try:
            output = await found.function(**action.arguments)
        except ToolRejectedError as refusal:
            return Answer(refused=True, value=str(refusal))
        return Answer(refused=False, value=output if isinstance(output, str) else json.loads(json.dumps(output)))

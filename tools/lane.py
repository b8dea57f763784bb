"""Lanes: calls that share something narrow, of whatever tools, turns and threads, and so take turns on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trunkline.errors import TemplateError
from trunkline.tools.template import Template


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane of a process, named by a template over the arguments: `Lane("order:{order_id}")`, `Lane("crm", limit=5)`.

    `limit` is how many calls may be on it at once. Raises `TemplateError` for a bad name or limit.
    """

    name: str
    limit: int = 1

    def __post_init__(self) -> None:
        Template(self.name)
        if self.limit < 1:
            raise TemplateError(
                template=self.name, problem=f"names a lane with room for {self.limit} calls, at least 1"
            )

    @property
    def fields(self) -> frozenset[str]:
        """The arguments that name the lane."""
        return Template(self.name).fields

    def of(self, arguments: Mapping[str, Any]) -> LaneOfCall:
        """Return the lane on which a call with these arguments runs."""
        return LaneOfCall(name=Template(self.name).fill(arguments), limit=self.limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneOfCall:
    """The lane of one call."""

    name: str
    limit: int

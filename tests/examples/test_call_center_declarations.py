"""The desk's declarations, checked against what its tools do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from trunkline import Toolbox
from trunkline.examples.call_center.declarations import after_call, contact
from trunkline.tools import Tool
from trunkline.tools.access import AccessRule
from trunkline.tools.checking import Subject, check_effects

SILENT = frozenset({"find_customer", "cancel_order", "refund_order", "update_ticket", "get_shipment", "issue_goodwill"})


@pytest.mark.parametrize("subject", [contact, after_call])
async def test_every_declaration_is_right(subject: Callable[[], Subject]) -> None:
    """No pair of calls that may run side by side disturbs another; every tool is tried, and none runs alone in vain."""
    report = await check_effects(subject, seeds=10)

    assert not report.findings, report
    assert not report.hints, report


async def test_declarations_that_are_taken_away_are_missed() -> None:
    """So the calls that are tried would notice."""
    report = await check_effects(lambda: _without(contact(), SILENT), seeds=0)

    assert {name for finding in report.findings for name in finding.tools} >= SILENT


def _without(subject: Subject, names: frozenset[str]) -> Subject:
    """Return the subject with tools that declare to touch nothing."""

    def silent(tool: Tool) -> Tool:
        return replace(tool, access=AccessRule(reads=(), writes=()))

    tools = [silent(tool) if tool.name in names else tool for tool in subject.toolbox]
    return replace(subject, toolbox=Toolbox(tools))

"""LangGraph's own conformance suite, every capability of it."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.capabilities import ALL_CAPABILITIES

from trunkline import SQLAlchemySaver
from trunkline.runtime.storage.checkpoints.keyring import Keyring

KINDS = ["sqlite", "postgresql", "sqlite, encrypted", "postgresql, encrypted", "pooled", "schema"]


@pytest.mark.parametrize("kind", KINDS)
async def test_every_capability_passes(url: str, keys: Keyring | None) -> None:
    """The base ones and the extended ones; none is skipped."""

    @checkpointer_test(name=url)
    async def savers() -> AsyncGenerator[BaseCheckpointSaver[Any]]:
        async with SQLAlchemySaver.from_conn_string(url, keys=keys) as saver:
            yield saver

    report = await validate(savers)

    failures = {name: result.failures for name, result in report.results.items() if result.failures}
    assert (failures, report.passed_all()) == ({}, True)
    assert {name for name, result in report.results.items() if result.detected} == {
        one.value for one in ALL_CAPABILITIES
    }

"""What tenants may use: set in code and on the command line, kept by the queue."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import update

from stand_ins.interviews import interviewing
from trunkline import Trunkline
from trunkline.errors import QueueFullError, TenantLimitError
from trunkline.runtime.cli.app import execute
from trunkline.runtime.queue.tenant import Tenant
from trunkline.runtime.storage.database import Database
from trunkline.runtime.storage.tables import RunRow


async def test_what_is_left_out_stays(url: str) -> None:
    """None takes a limit away."""
    async with interviewing(url) as line:
        await line.set_tenant("acme", weight=2, max_running=5, max_queued=9)
        await line.set_tenant("acme", max_running=None, paused=True)

        assert await line.tenants() == [Tenant(id="acme", weight=2.0, max_queued=9, paused=True)]


async def test_limits_that_cannot_be_are_refused(url: str) -> None:
    """Nothing is changed."""
    async with interviewing(url) as line:
        for limits in ({"weight": 0}, {"max_running": 0}, {"max_queued": -1}):
            with pytest.raises(TenantLimitError, match="of a tenant must be"):
                await line.set_tenant("acme", **limits)  # type: ignore[arg-type]
        assert await line.tenants() == []


async def test_a_paused_tenant_waits(url: str) -> None:
    """Its runs are served when it is resumed."""
    async with interviewing(url) as line, line.worker():
        await line.set_tenant(paused=True)
        run_id = await line.submit("chat", "hello")
        with pytest.raises(TimeoutError):
            await line.wait(run_id, within=0.5)
        await line.set_tenant(paused=False)

        assert (await line.wait(run_id, within=30)).answer == "two"


@pytest.mark.parametrize(("seconds", "expected"), [(None, 1.0), (4.0, 8.0), (1000.0, 300.0)])
async def test_a_full_queue_says_how_long_it_will_take(
    url: str, database: Database, seconds: float | None, expected: float
) -> None:
    """By what waits and how long runs have taken; never longer than five minutes."""
    async with interviewing(url) as line:
        if seconds is not None:
            await took(line, database, seconds)
        await line.set_tenant(max_queued=2)
        for _ in range(2):
            await line.submit("chat", "hello")
        with pytest.raises(QueueFullError) as refused:
            await line.submit("chat", "hello")

        assert refused.value.retry_after == pytest.approx(expected, rel=0.2)


async def took(line: Trunkline, database: Database, seconds: float) -> None:
    """Let a run be on record that took so long."""
    async with line.worker():
        run = await line.wait(await line.submit("chat", "hello"), within=30)
    ended = update(RunRow).where(RunRow.id == run.id).values(ended_at=run.started_at + timedelta(seconds=seconds))
    await database.writer.write(lambda connection: connection.execute(ended))


@pytest.mark.parametrize("backend", ["sqlite"])
def test_tenants_on_the_command_line(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Set, paused, resumed and listed."""
    there = ["--database", url]
    codes = [
        execute(["tenants", "set", "acme", "--weight", "2", "--max-running", "3", *there]),
        execute(["tenants", "set", "acme", "--max-running", "none", "--max-queued", "7", *there]),
        execute(["tenants", "pause", "acme", *there]),
        execute(["tenants", "list", *there, "--json"]),
        execute(["tenants", "set", "acme", "--max-queued", "many", *there]),
    ]

    limits = {"weight": 2.0, "max_running": None, "max_queued": 7, "paused": True, "queued": 0, "running": 0}
    assert codes == [0, 0, 0, 0, 2]
    assert json.loads(capsys.readouterr().out) == {"id": "acme", **limits}

"""Six processes that write to one database at once."""

from pathlib import Path

from stand_ins.crowd_of_writers import broken_promises, write_together


async def test_six_processes_write_one_database_and_lose_nothing(url: str, tmp_path: Path) -> None:
    """None of them sees an error, and every checkpoint that was acknowledged is there, with its ancestors."""
    acknowledged = write_together(url, tmp_path, processes=6, seconds=2.0)

    assert min(map(len, acknowledged.values())) > 0
    assert await broken_promises(url, acknowledged) == []

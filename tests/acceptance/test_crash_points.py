"""`kill -9` at every point of the life of a call, in real processes, and what the resumed turn makes of it."""

import asyncio
from pathlib import Path

import pytest

from stand_ins.aftermath import Standing, broken_promises, record_of
from stand_ins.killed_desk import Death, Point, World, desk, serve_turn, serve_until_death
from stand_ins.processes import run_until_it_dies

KINDS = {"read": ["weigh A"], "write": ["ship A"], "once": ["mail A", "wire B", "shred A"]}
"""Whose process dies. Once: a `write_once` with a key, one without, and a tool that declares nothing."""

LIVES = """
    point                    kind    when killed      after the resume

    1-before-intent          read    -       0 0      done    1 0
    2-after-intent           read    -       0 0      done    1 0
    3-during                 read    -       1 0      done    2 0
    4-after-effect           read    -       1 0      done    2 0
    4-result-not-committed   read    -       1 0      done    2 0
    5-after-result           read    done    1 0      done    1 0

    1-before-intent          write   -       0 0      done    1 1
    1-intent-not-committed   write   -       0 0      done    1 1
    2-after-intent           write   running 0 0      done    1 1
    3-during                 write   running 1 0      done    2 1
    4-after-effect           write   running 1 1      done    2 1
    4-result-not-committed   write   running 1 1      done    2 1
    5-after-result           write   done    1 1      done    1 1

    1-before-intent          once    -       0 0      done    1 1
    1-intent-not-committed   once    -       0 0      done    1 1
    2-after-intent           once    running 0 0      unknown 0 0
    3-during                 once    running 1 0      unknown 1 0
    4-after-effect           once    running 1 1      unknown 1 1
    4-result-not-committed   once    running 1 1      unknown 1 1
    5-after-result           once    done    1 1      done    1 1
"""
"""How the call stands: in the ledger, how often the tool began it, how often it happened outside."""


def standing(state: str, began: str, did: str) -> Standing:
    return Standing(state, int(began), int(did))


CASES = [
    pytest.param(Point(point), deed, standing(*cells[:3]), standing(*cells[3:]), id=f"{point}-{deed.replace(' ', '-')}")
    for point, kind, *cells in map(str.split, [line for line in LIVES.splitlines()[2:] if line.strip()])
    for deed in KINDS[kind]
]


@pytest.mark.parametrize(("point", "deed", "killed", "resumed"), CASES)
async def test_a_call_survives_the_death_of_its_process(
    url: str, tmp_path: Path, point: Point, deed: str, killed: Standing, resumed: Standing
) -> None:
    """What is done stays done, what may be repeated is, and nobody guesses about the rest."""
    world = World(tmp_path / "world.txt")
    death = Death(point, deed.split()[0])
    await asyncio.to_thread(run_until_it_dies, serve_until_death, url, world.path, death)
    then = await record_of(url, world)
    reply = await serve_turn(url, desk(world))
    end = await record_of(url, world)

    assert (then.standing(deed), end.standing(deed)) == (killed, resumed)
    assert [message.type for message in then.messages] == ["human", "ai"]
    assert broken_promises([then], end, reply) == []

"""The call center's graphs as workers find them: made once a process, over systems that run elsewhere.

What they are made with is in the environment: LARKFIELD_SYSTEMS (the URL of the company's systems), LARKFIELD_SEED (of
its world) and LARKFIELD_MODEL (a name of the models that the worker has).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache

from trunkline.examples.call_center.backend.desks import Desks
from trunkline.examples.call_center.backend.remote import RemoteDesks
from trunkline.examples.call_center.graphs import after_call, live_contact
from trunkline.examples.call_center.graphs.after_call import Graph as AfterCallGraph
from trunkline.examples.call_center.graphs.live_contact import Graph as LiveGraph
from trunkline.examples.call_center.shift import PATIENCE
from trunkline.examples.call_center.world import generate_world

GRAPHS: Mapping[str, str] = {"live_contact": f"{__name__}:live", "after_call": f"{__name__}:after"}
"""By the names that runs in the queue have for them."""


def environment(*, systems: str, seed: int, model: str) -> dict[str, str]:
    """Return what a worker's environment must say."""
    return {"LARKFIELD_SYSTEMS": systems, "LARKFIELD_SEED": str(seed), "LARKFIELD_MODEL": model}


@cache
def live() -> LiveGraph:
    """Return the graph that serves one turn of a contact."""
    return live_contact(_desks(), model=os.environ["LARKFIELD_MODEL"], patience=PATIENCE)


@cache
def after() -> AfterCallGraph:
    """Return the graph that does the work after a contact."""
    return after_call(_desks(), model=os.environ["LARKFIELD_MODEL"])


@cache
def _desks() -> Desks:
    return RemoteDesks(os.environ["LARKFIELD_SYSTEMS"], generate_world(int(os.environ["LARKFIELD_SEED"])))

"""Python's collector of garbage, told to wait while very many objects are made that all stay."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def collecting_later() -> Generator[None]:
    """Collect no garbage in the block, in which nothing may be awaited.

    The collector looks through all that was made lately whenever there are some hundreds of objects more, and finds no
    garbage in a thread's messages: that takes as long as making them does.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()

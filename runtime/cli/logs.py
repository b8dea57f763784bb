"""The events of Trunkline's own loggers, for those who watch a process."""

from __future__ import annotations

import logging


def log_to_stderr() -> None:
    """Write the events to stderr from now on, one a line, with the time."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("trunkline")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False

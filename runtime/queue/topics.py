"""What is told over the bus, and under which topic."""

from __future__ import annotations

REST_TOPIC = "rest"
"""A run's id: it may rest now."""


def queue_topic(queue: str) -> str:
    """A ring: a run of the queue may begin."""
    return f"queue:{queue}"


def worker_topic(worker_id: str) -> str:
    """A run's id: the worker is asked to look how that run is to end."""
    return f"worker:{worker_id}"


def run_topic(run_id: str) -> str:
    """A ring: the run's record or its events have changed."""
    return f"run:{run_id}"


def text_topic(run_id: str) -> str:
    """A piece of text that a model says in the run."""
    return f"text:{run_id}"

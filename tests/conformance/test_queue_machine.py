"""The queue against a model of it, on each database."""

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from stand_ins.queue_model import QueueMachine

GAMES = {"sqlite": 12, "postgresql": 8}


def test_the_queue_does_what_its_model_does(url: str, backend: str) -> None:
    """Whatever is submitted, claimed, renewed, reaped, finished, cancelled, killed and answered, in whatever order."""

    class Machine(QueueMachine):
        def __init__(self) -> None:
            super().__init__(url)

    moves = settings(max_examples=GAMES[backend], stateful_step_count=40, deadline=None)
    run_state_machine_as_test(Machine, settings=moves)

"""`trunkline scenario`: plays scenario files, and says whether what they expect came true."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from trunkline.runtime.cli.options import AsJson, Verbose
from trunkline.runtime.cli.streams import say, write_object


def scenario(
    files: Annotated[list[Path], typer.Argument(help="Scenario files, or folders of them.")],
    runs: Annotated[int, typer.Option(min=1, help="How many times to play each, with other latencies.")] = 50,
    seed: Annotated[int, typer.Option(help="The latencies of the first run; the others follow.")] = 1,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Play scenarios in virtual time: each run must go as expected, and all must end in the same state."""
    if not verbose:  # a tool that fails as the scenario wants it to is no news
        logging.getLogger("trunkline").addHandler(logging.NullHandler())
    from trunkline.runtime.scenarios.running import run_scenario
    from trunkline.runtime.scenarios.scenario import read_scenario, scenario_files

    paths = [path for given in files for path in (scenario_files(given) if given.is_dir() else [given])]
    for path in paths:  # a mistake in the last one is told before the first one is played
        read_scenario(path)
    failed = 0
    for path in paths:
        result = run_scenario(path, runs=runs, seed=seed)
        failed += not result.ok
        if as_json:
            write_object(result.figures())
        else:
            typer.echo(str(result))
    if failed:
        say(f"{failed} of {len(paths)} scenarios failed")
        raise typer.Exit(1)

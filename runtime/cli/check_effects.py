"""`trunkline check-effects`: checks what tools declare against what they do."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from trunkline.runtime.cli.options import AsJson, Verbose
from trunkline.runtime.cli.streams import console, say, write_object

if TYPE_CHECKING:
    from rich.text import Text

    from trunkline.tools.checking import Finding, Report

WhichSubject = Annotated[
    str,
    typer.Argument(metavar="SUBJECT", help="The function that returns a Subject: package.module:name or path.py:name."),
]
Seeds = Annotated[int, typer.Option(min=0, metavar="N", help="How many random batches to try beside all pairs.")]


def check_effects(subject: WhichSubject, seeds: Seeds = 100, as_json: AsJson = False, verbose: Verbose = False) -> None:
    """Run a toolbox with shuffled latencies and report the tools whose declared effects are wrong.

    Exits with 1 if one is; hints do not count.
    """
    with nullcontext() if verbose else _without_tracebacks():
        report = asyncio.run(_checked(subject, seeds))
    for finding in report.findings:
        _write(finding, hint=False, as_json=as_json)
    for hint in report.hints:
        _write(hint, hint=True, as_json=as_json)
    say(_summary(report))
    if report.findings:
        raise typer.Exit(1)


async def _checked(reference: str, seeds: int) -> Report:
    from trunkline.runtime.references import resolve_world
    from trunkline.tools.checking import check_effects

    return await check_effects(resolve_world(reference), seeds=seeds)


@contextmanager
def _without_tracebacks() -> Generator[None]:
    """A tool that raises is a finding; its traceback, logged in each run, is only wanted with -v."""
    import logging

    log = logging.getLogger("trunkline.tools")
    log.addFilter(_nothing)
    try:
        yield
    finally:
        log.removeFilter(_nothing)


def _nothing(record: object) -> bool:
    del record
    return False


def _write(finding: Finding, *, hint: bool, as_json: bool) -> None:
    if as_json:
        from dataclasses import asdict

        write_object({"hint": hint, **asdict(finding)})
    else:
        console().print(_shown(finding, hint=hint), soft_wrap=True)


def _shown(finding: Finding, *, hint: bool) -> Text:
    from rich.text import Text

    from trunkline.runtime.cli.figures import one_line

    sign, style = ("?", "yellow") if hint else ("✗", "red")
    text = Text.assemble((sign, style), " ", (" and ".join(finding.tools), "bold"), f": {one_line(finding.what)}")
    if finding.calls:
        text.append(f"\n    with  {one_line(', '.join(finding.calls))}")
    return text.append(f"\n    fix   {one_line(finding.fix)}")


def _summary(report: Report) -> str:
    from trunkline.runtime.cli.figures import plural

    wrong = plural(len(report.findings), "wrong declaration") if report.findings else "no wrong declaration"
    tried = [
        plural(report.calls, "call"),
        plural(report.pairs, "pair"),
        f"{report.batches:,} random {'batch' if report.batches == 1 else 'batches'}",
    ]
    return (
        f"{wrong} and {plural(len(report.hints), 'hint')} in {plural(report.tools, 'tool')}: "
        f"{', '.join(tried)}, {plural(report.runs, 'run')}"
    )

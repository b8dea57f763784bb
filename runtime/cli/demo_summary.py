"""What `trunkline demo` shows: a bar while it serves, and the figures of the day at the end."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from trunkline.runtime.cli.figures import count_text, dollars_text, one_line, plural, seconds_text
from trunkline.runtime.cli.options import DEFAULT_DATABASE
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.waits import Waits
from trunkline.tools.call import CallState

if TYPE_CHECKING:
    from trunkline.examples.call_center.backend import Effect
    from trunkline.examples.call_center.day import Contact
    from trunkline.examples.call_center.shift import Served
    from trunkline.runtime.report import WorkReport

_SHOWN_WAITING = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """The worker processes of a day, and the waits of the runs that they served."""

    workers: int
    live: Waits
    after: Waits
    """Those of the work after contacts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How the demonstration went."""

    contacts: Sequence[Contact]
    served: Sequence[Served]
    effects: Sequence[Effect]
    """What the company's systems really did."""

    report: WorkReport
    seconds: float
    tenant: str
    interrupted: bool
    staff: Staff | None = None
    """Who served the day; None: this process alone."""


@contextmanager
def contacts_bar(total: int, served: list[Served]) -> Generator[Callable[[Served], None]]:
    """Show a progress bar on stderr; yield what to call with each contact that was served."""
    columns = (
        TextColumn("contacts"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)

        def advance(one: Served) -> None:
            served.append(one)
            bar.update(task, advance=1, description=f"{one.contact.intent} ({one.contact.channel})")

        yield advance


def figures(outcome: Outcome) -> dict[str, Any]:
    """Return the figures of the day, as they are printed."""
    report = outcome.report
    refunds = Counter(effect.key for effect in outcome.effects if effect.operation == "refund_order")
    return {
        "contacts": len(outcome.served),
        "contacts_asked_for": len(outcome.contacts),
        "contacts_noted_in_crm": sum(served.noted for served in outcome.served),
        "contacts_failed": sum(served.failure is not None for served in outcome.served),
        "turns": sum(served.turns for served in outcome.served),
        "runs": sum(report.runs.values()),
        "runs_cancelled": report.runs.get(RunStatus.CANCELLED, 0),
        "model_calls": report.model_calls,
        "tool_calls": report.total_calls,
        "tool_calls_failed": report.count(CallState.FAILED),
        "tool_calls_repeated": report.attempts_repeated(),
        "tool_calls_unknown": report.count(CallState.UNKNOWN),
        "tool_calls_open": report.count(CallState.RUNNING),
        "call_seconds": round(report.call_seconds, 2),
        "batch_seconds_one_by_one": round(report.batch_one_by_one, 2),
        "batch_seconds": round(report.batch_seconds, 2),
        "seconds": round(outcome.seconds, 2),
        "refunds": len(refunds),
        "refunds_made_twice": sum(count > 1 for count in refunds.values()),
        "refunds_repeated": report.attempts_repeated(tool="refund_order"),
        "approvals_waiting": len(report.waiting),
        "input_tokens": report.input_tokens,
        "output_tokens": report.output_tokens,
        "cost_usd": None if report.micro_usd is None else report.micro_usd / 1_000_000,
        "tenant": outcome.tenant,
        "interrupted": outcome.interrupted,
        **_staff_figures(outcome.staff),
    }


def _staff_figures(staff: Staff | None) -> dict[str, Any]:
    if staff is None:
        return {}
    of: dict[str, Any] = {"workers": staff.workers}
    for name, waits in (("live", staff.live), ("after", staff.after)):
        of |= {f"{name}_wait_p50": round(waits.p50, 3), f"{name}_wait_p95": round(waits.p95, 3)}
    return of


def print_json(outcome: Outcome) -> None:
    """Print the figures as one JSON object on stdout."""
    print(json.dumps(figures(outcome)))  # noqa: T201


def print_summary(outcome: Outcome, *, model: str, database: str) -> None:
    """Print the figures as a supervisor reads them, and where to look next."""
    console = Console(highlight=False)
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", justify="right")
    table.add_column()
    table.add_column(style="dim")
    for row in _rows(outcome, model):
        table.add_row(*row)
    console.print(table)
    _print_failures(console, outcome)
    _print_waiting(console, outcome)
    _print_next(console, outcome, database)


def _rows(outcome: Outcome, model: str) -> list[tuple[str, str, str]]:
    of = figures(outcome)
    saved = of["batch_seconds_one_by_one"] - of["batch_seconds"]
    tokens = count_text(of["input_tokens"] + of["output_tokens"])
    waiting = "nobody was kept waiting for them" if of["approvals_waiting"] else ""
    return [
        (
            str(of["contacts"]),
            "contacts served",
            f"in {seconds_text(of['seconds'])}; {of['contacts_noted_in_crm']} noted in the CRM",
        ),
        (str(of["turns"]), "turns", f"{plural(of['model_calls'], 'model call')}, {tokens} tokens"),
        (str(of["tool_calls"]), "tool calls", _trouble(of)),
        (seconds_text(saved), "saved side by side", _side_by_side(of)),
        (str(of["refunds"]), "refunds paid", _once(of)),
        (str(of["approvals_waiting"]), "approvals waiting", waiting),
        (str(of["contacts_failed"]), "contacts failed", ""),
        (dollars_text(outcome.report.micro_usd), "cost", _cost(of, model)),
        *_staff_rows(outcome.staff),
    ]


def _staff_rows(staff: Staff | None) -> list[tuple[str, str, str]]:
    if staff is None:
        return []
    told = f"turns waited {_shown(staff.live)} to start, the work after contacts {_shown(staff.after)}"
    return [(str(staff.workers), "worker processes", told)]


def _shown(waits: Waits) -> str:
    return f"{seconds_text(waits.p50)} (p95 {seconds_text(waits.p95)})"


def _trouble(of: dict[str, Any]) -> str:
    told = [
        f"{of['tool_calls_failed']} failed or refused",
        f"{of['tool_calls_repeated']} without an answer, repeated",
    ]
    if of["tool_calls_unknown"]:
        told.append(f"{of['tool_calls_unknown']} unknown")
    return ", ".join(told)


def _side_by_side(of: dict[str, Any]) -> str:
    together, alone = seconds_text(of["batch_seconds"]), seconds_text(of["batch_seconds_one_by_one"])
    return f"{together} instead of {alone} for calls asked together"


def _once(of: dict[str, Any]) -> str:
    if not of["refunds"]:
        return ""
    if of["refunds_made_twice"]:
        return f"{of['refunds_made_twice']} of them TWICE"
    return f"each once, though {plural(of['refunds_repeated'], 'answer')} got lost"


def _cost(of: dict[str, Any], model: str) -> str:
    told = [f"${of['cost_usd'] / of['contacts']:.4f} a contact"] if of["cost_usd"] and of["contacts"] else []
    return ", ".join([*told, *(["at the list price of gpt-5-mini"] if model == "scripted" else [])])


def _print_failures(console: Console, outcome: Outcome) -> None:
    for served in outcome.served:
        if served.failure:
            console.print(f"[red]✗[/] {served.contact.id}: {one_line(str(served.failure))}", soft_wrap=True)


def _print_waiting(console: Console, outcome: Outcome) -> None:
    waiting = outcome.report.waiting
    if not waiting:
        return
    console.print("\n[bold]Waiting for a person[/]")
    for call in waiting[:_SHOWN_WAITING]:
        console.print(f"  {call.thread_id}  {call.tool}: {one_line(call.reason or '')}", soft_wrap=True)
    if len(waiting) > _SHOWN_WAITING:
        console.print(f"  … and {len(waiting) - _SHOWN_WAITING} more")


def _command() -> str:
    """How the reader can call us: a newcomer's `make demo` leaves no `trunkline` on the PATH."""
    if shutil.which("trunkline"):
        return "trunkline"
    program = Path(sys.argv[0])
    return os.path.relpath(program) if program.name == "trunkline" else "python -m trunkline"


def _print_next(console: Console, outcome: Outcome, database: str) -> None:
    if outcome.interrupted:
        unserved = len(outcome.contacts) - len(outcome.served)
        open_calls = outcome.report.count(CallState.RUNNING, CallState.UNKNOWN)
        console.print(
            f"\n[bold]Interrupted[/]: {plural(unserved, 'contact')} left unserved, "
            f"{plural(outcome.report.runs.get(RunStatus.CANCELLED, 0), 'run')} cancelled, "
            f"{plural(open_calls, 'tool call')} with an unknown outcome; what was finished is in {database}",
            soft_wrap=True,
        )
    console.print("\n[bold]Where to look next[/]")
    suffix = "" if database == DEFAULT_DATABASE else f" --database {database}"
    command = _command()
    if outcome.report.widest_run:
        console.print(
            f"  {command} trace {outcome.report.widest_run}{suffix}   the run that saved most, as a waterfall",
            soft_wrap=True,
        )
    console.print(f"  {command} runs{suffix}   the latest runs", soft_wrap=True)

"""The command `trunkline`: what its commands are, and how it ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from trunkline.runtime.cli.approvals import approvals
from trunkline.runtime.cli.approve import approve
from trunkline.runtime.cli.calls import calls
from trunkline.runtime.cli.chaos import chaos
from trunkline.runtime.cli.check_effects import check_effects
from trunkline.runtime.cli.confirm import confirm
from trunkline.runtime.cli.db import db
from trunkline.runtime.cli.demo import demo
from trunkline.runtime.cli.events import events
from trunkline.runtime.cli.failures import INTERRUPTED, exit_code_of
from trunkline.runtime.cli.options import Verbose, Verbosity
from trunkline.runtime.cli.queue import queue
from trunkline.runtime.cli.reject import reject
from trunkline.runtime.cli.run import run
from trunkline.runtime.cli.runs import runs
from trunkline.runtime.cli.scenario import scenario
from trunkline.runtime.cli.schedules import schedules
from trunkline.runtime.cli.streams import say, use_plain_signs
from trunkline.runtime.cli.submit import submit
from trunkline.runtime.cli.tenants import tenants
from trunkline.runtime.cli.threads import threads
from trunkline.runtime.cli.trace import trace
from trunkline.runtime.cli.withdraw import withdraw
from trunkline.runtime.cli.worker import worker
from trunkline.runtime.cli.workers import workers


class _Commands(TyperGroup):
    """The commands, with the two endings that typer would turn into exit codes without a word or with a wrong one."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command. A reader that has gone away is noticed here, not when the interpreter shuts down."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except KeyboardInterrupt:
            say("interrupted")
            raise typer.Exit(INTERRUPTED) from None
        return result


app = typer.Typer(cls=_Commands, invoke_without_command=True, rich_markup_mode=None, add_completion=False)

# One module a command, each imported for its function alone: what is heavy is imported inside.
app.command("demo")(demo)
app.command("chaos")(chaos)
app.command("run")(run)
app.command("worker")(worker)
app.command("submit")(submit)
app.add_typer(runs, name="runs")
app.command("workers")(workers)
app.command("queue")(queue)
app.command("trace")(trace)
app.command("events")(events)
app.command("approvals")(approvals)
app.command("approve")(approve)
app.command("reject")(reject)
app.command("withdraw")(withdraw)
app.command("confirm")(confirm)
app.add_typer(calls, name="calls")
app.add_typer(threads, name="threads")
app.command("check-effects")(check_effects)
app.command("scenario")(scenario)
app.add_typer(schedules, name="schedules")
app.add_typer(tenants, name="tenants")
app.add_typer(db, name="db")


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"trunkline {version('trunkline')}")
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")]


@app.callback()
def trunkline(context: typer.Context, verbose: Verbose = False, version: Version = False) -> None:
    """A durable runtime for LangGraph agents: tool calls side by side, every one on the record, each effect once."""
    del verbose, version
    if context.invoked_subcommand is None:
        say(context.get_help())
        raise typer.Exit(2)


def main() -> None:
    """Run the command line and exit."""
    use_plain_signs()
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: Sequence[str]) -> int:
    """Run the command line with these arguments and return its exit code. Says on stderr what went wrong."""
    verbosity = Verbosity()
    try:
        code = get_command(app).main(args=arguments, prog_name="trunkline", standalone_mode=False, obj=verbosity)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the edge of the program
        return exit_code_of(error, tracebacks=verbosity.tracebacks)
    return code or 0

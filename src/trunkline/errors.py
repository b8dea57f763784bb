"""What Trunkline raises: each class builds its text from facts and keeps them as attributes.

`UsageError` is a mistake in a call or on the command line (exit code 2), `SetupError` something missing around the
program: a database, a key, a migration (exit code 3), `RunFailedError` a run that ended without a result (exit code 1).
"""

from __future__ import annotations

from collections.abc import Sequence

RowName = Sequence[str | int | bytes | None]
"""What kind of row of state, of which thread, and what tells it from the thread's others."""


class TrunklineError(Exception):
    """The base of everything that Trunkline raises on purpose."""

    exit_code = 1


class UsageError(TrunklineError):
    """Something was named or written wrongly; nothing was started."""

    exit_code = 2


class SetupError(TrunklineError):
    """Something around the program is missing or broken; nothing was started."""

    exit_code = 3


# --- tools ---


class ToolDeclarationError(UsageError):
    """A tool cannot be used as it is declared. Mend the line that the text names."""

    def __init__(self, *, tool: str, where: str, problems: list[str]) -> None:
        super().__init__(f"tool {tool!r} ({where}): " + "; ".join(problems))
        self.tool, self.where, self.problems = tool, where, problems


class DuplicateToolError(UsageError):
    """Two tools of one toolbox have the same name, so the model could not tell them apart."""

    def __init__(self, *, tool: str, first: str, second: str) -> None:
        super().__init__(f"two tools are called {tool!r} ({first} and {second}); rename one with name=")
        self.tool = tool


class UnknownMcpToolError(UsageError):
    """A declaration is for a tool that the MCP server does not have."""

    def __init__(self, *, tools: list[str], known: list[str]) -> None:
        super().__init__(f"the server has no tool {', '.join(tools)}; it has: {', '.join(known) or 'none'}")
        self.tools, self.known = tools, known


class TemplateError(UsageError):
    """A key or resource template is not plain text with `{argument}` fields."""

    def __init__(self, *, template: str, problem: str) -> None:
        super().__init__(f"template {template!r} {problem}; write plain fields, like order:{{order_id}}:{{line_id}}")
        self.template = template


class RateError(UsageError):
    """A rate is not a number of calls in a time."""

    def __init__(self, *, rate: str, problem: str) -> None:
        super().__init__(f"rate {rate!r} {problem}; write COUNT/PERIOD, like 10/s, 100/min, 5/2s or 3/h")
        self.rate = rate


class ToolRejectedError(TrunklineError):
    """Raise it in a tool to refuse a call for a business reason; the model reads the text and may answer with it."""


class NoCurrentCallError(UsageError):
    """`current_call()` was asked for outside a running tool call."""

    def __init__(self) -> None:
        super().__init__("current_call() works inside a tool that a FanOut runs; there is no call here")


class CallFailedError(TrunklineError):
    """A call failed that its batch cannot do without. Its siblings' results are on the ledger."""

    def __init__(self, *, tool: str, call: str, outcome: str) -> None:
        super().__init__(f"call {call} of tool {tool!r} was required and gave no result: {outcome}")
        self.tool, self.call = tool, call


class QuorumError(TrunklineError):
    """Too few calls of a batch gave a result."""

    def __init__(self, *, needed: int, done: int, calls: int) -> None:
        super().__init__(f"{done} of {calls} calls gave a result, and {needed} were needed; lower quorum= or ask again")
        self.needed, self.done = needed, done


class SubjectError(UsageError):
    """What should be checked cannot be: no subject is made of it, or a call of it cannot be made."""

    def __init__(self, *, problem: str) -> None:
        super().__init__(f"the subject cannot be checked: {problem}; return a Subject, or yield one")
        self.problem = problem


# --- agents ---


class ModelsFileError(SetupError):
    """`models.yaml` cannot be used. The text names the file, the place in it and what was expected."""

    def __init__(self, *, path: str, problem: str) -> None:
        super().__init__(f"models file {path}: {problem}")
        self.path = path


class UnknownModelError(UsageError):
    """No model has this name."""

    def __init__(self, *, name: str, known: list[str], path: str | None) -> None:
        names = ", ".join(sorted(known)) or "none"
        if path:
            what = f"is not in {path}, which has: {names}; add it or use one of these"
        else:
            what = "is not known: there is no models.yaml in the working folder; write one, or set TRUNKLINE_MODELS"
        super().__init__(f"model {name!r} {what}")
        self.name, self.known = name, known


class MissingKeyError(SetupError):
    """A model needs a key that the environment does not hold."""

    def __init__(self, *, model: str, variable: str) -> None:
        super().__init__(
            f"model {model!r} needs a key: environment variable {variable} is not set; "
            f"set it, or use a scripted model, which needs none"
        )
        self.model, self.variable = model, variable


class ModelUnreachableError(SetupError):
    """A model's endpoint gave no usable answer: it is down, refuses the key, or does not know the model."""

    def __init__(self, *, model: str, endpoint: str, problem: str) -> None:
        super().__init__(f"model {model!r} at {endpoint}: {problem}")
        self.model, self.endpoint, self.problem = model, endpoint, problem


class PromptError(UsageError):
    """A prompt file cannot be read or rendered."""

    def __init__(self, *, prompt: str, problem: str) -> None:
        super().__init__(f"prompt {prompt}: {problem}")
        self.prompt = prompt


class ScriptError(TrunklineError):
    """A `ScriptedModel` was asked for something that its script does not hold."""


# --- graphs ---


class RoundLimitError(TrunklineError):
    """An agent called tools more often than it may in one run; it is probably going in circles."""

    def __init__(self, *, agent: str, rounds: int) -> None:
        super().__init__(
            f"agent {agent!r} asked for tools more often than its rounds={rounds} in one run; "
            f"raise rounds= or mend its prompt"
        )
        self.agent, self.rounds = agent, rounds


class AsyncOnlyError(UsageError):
    """A graph was run in a way that has no event loop for what is in it."""

    def __init__(self, *, what: str) -> None:
        super().__init__(f"{what} works in an event loop only; use ainvoke or astream instead of invoke or stream")


class OutsideMiddlewareError(UsageError):
    """A tool that a `TrunklineMiddleware` shows to LangChain was called by somebody else."""

    def __init__(self, *, tool: str) -> None:
        super().__init__(f"tool {tool!r} runs inside its TrunklineMiddleware only; give the agent the middleware")
        self.tool = tool


# --- runtime ---


class DatabaseUrlError(UsageError):
    """A database URL is not one that Trunkline understands."""

    def __init__(self, *, url: str, problem: str) -> None:
        super().__init__(f"database URL {url!r} {problem}; write sqlite:///file.db or postgresql://user@host/name")
        self.url = url


class DatabaseUnreachableError(SetupError):
    """The database did not answer."""

    def __init__(self, *, url: str, problem: str) -> None:
        super().__init__(f"database {url} cannot be opened: {problem}")
        self.url = url


class MigrationNeededError(SetupError):
    """The database's tables are not those of this version of Trunkline. Nothing in it was touched."""

    def __init__(self, *, url: str, current: str | None, wanted: str, known: bool = True) -> None:
        """`known` is whether this version knows the current revision."""
        found = f"is at revision {current}" if current else "has no tables of Trunkline"
        remedy = f"run 'trunkline db upgrade --database {url}'" if known else "it is older: use a newer Trunkline"
        super().__init__(f"database {url} {found}, this version needs {wanted}; {remedy}")
        self.url, self.current, self.wanted = url, current, wanted


class BusUrlError(UsageError):
    """The URL of a bus is not one that Trunkline understands."""

    def __init__(self, *, url: str, problem: str) -> None:
        super().__init__(
            f"bus URL {url!r} {problem}; write memory:, postgresql://user@host/name, redis://host:6379, "
            f"unix:///path/of/redis.sock or nats://host:4222"
        )
        self.url = url


class DowngradeError(UsageError):
    """A downgrade is to lead where the database has not been. Nothing in it was touched."""

    def __init__(self, *, revision: str, current: str | None, before: list[str]) -> None:
        super().__init__(
            f"the tables cannot go back to revision {revision!r}: they are at {current or 'none'}, "
            f"and before that they were at: {', '.join(before) or 'none'}"
        )
        self.revision, self.current, self.before = revision, current, before


class WorkerNotStartedError(SetupError):
    """A worker process that a command started did not come so far as to serve."""

    def __init__(self, *, worker: str, problem: str, said: str) -> None:
        super().__init__(f"{worker} {problem}; its last words: {said}")
        self.worker, self.problem = worker, problem


class MissingExtraError(SetupError):
    """A feature needs a package that is not installed."""

    def __init__(self, *, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs the extra {extra!r}; run: pip install 'trunkline[{extra}]'")
        self.extra = extra


class ReferenceNotFoundError(UsageError):
    """A reference like `package.module:name` or `path.py:name` leads to nothing."""

    def __init__(self, *, reference: str, problem: str, wanted: str = "an agent or graph") -> None:
        super().__init__(f"{reference!r}: {problem}; name {wanted} as package.module:name or path.py:name")
        self.reference, self.problem = reference, problem


class LanggraphFileError(SetupError):
    """A `langgraph.json` cannot be used. The text names the file, the place in it and what was expected."""

    def __init__(self, *, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path


class UnknownGraphError(UsageError):
    """No graph has this name."""

    def __init__(self, *, name: str, known: list[str]) -> None:
        super().__init__(
            f"no graph is called {name!r}; there is: {', '.join(known) or 'none'}; register it in langgraph.json or "
            f"in code, or name it as package.module:name or path.py:name"
        )
        self.name, self.known = name, known


class UnnamedGraphError(UsageError):
    """A graph has no name by which another process could find it."""

    def __init__(self, *, graph: str) -> None:
        super().__init__(
            f"{graph} has no name that a worker could find it by: no module that can be imported again holds it; "
            f"register it under a name, or assign it to a variable of its module"
        )
        self.graph = graph


class GraphLoadError(SetupError):
    """The module of a graph cannot be imported. The cause is chained."""

    def __init__(self, *, name: str, reference: str, remedy: str, cause: BaseException) -> None:
        what = repr(name) if name == reference else f"{name!r} ({reference})"
        super().__init__(f"graph {what} cannot be loaded: {type(cause).__name__}: {cause}; {remedy}")
        self.name, self.reference = name, reference


class GraphFactoryError(UsageError):
    """A function that should make a graph cannot be called, or makes something else."""

    def __init__(self, *, name: str, problem: str) -> None:
        super().__init__(
            f"graph {name!r} {problem}; let it be an agent, a graph, or a function of nothing or of a config "
            f"that returns one, awaited or as a context manager"
        )
        self.name, self.problem = name, problem


class UnknownRunError(UsageError):
    """No run has this id."""

    def __init__(self, *, run: str, database: str) -> None:
        super().__init__(f"no run {run!r} in {database}; 'trunkline runs' lists them")
        self.run = run


class UnknownThreadError(UsageError):
    """No thread has this name."""

    def __init__(self, *, thread: str, database: str) -> None:
        super().__init__(f"no thread {thread!r} in {database}; 'trunkline threads list' lists them")
        self.thread = thread


class AmbiguousRunError(UsageError):
    """Several runs have an id that begins so."""

    def __init__(self, *, run: str, matches: list[str]) -> None:
        super().__init__(f"{run!r} begins the id of several runs, {' and '.join(matches)} among them; write more of it")
        self.run, self.matches = run, matches


class NoDatabaseError(SetupError):
    """There is nothing to look at yet: an embedded database comes with its first run."""

    def __init__(self, *, url: str) -> None:
        super().__init__(f"no database {url} yet; 'trunkline demo' makes one, --database names another")
        self.url = url


class NotOpenError(UsageError):
    """A `Trunkline` was used outside `async with`."""

    def __init__(self) -> None:
        super().__init__("this Trunkline is not open; use it inside 'async with Trunkline(...) as line:'")


class ForeignThreadError(UsageError):
    """A thread is named whose conversation belongs to another tenant."""

    def __init__(self, *, thread: str) -> None:
        super().__init__(f"thread {thread!r} belongs to another tenant; give the conversation another name")
        self.thread = thread


class DecisionError(TrunklineError):
    """A decision on a call has no effect; nothing was changed. `status` is the HTTP status that says the same."""

    status = 409

    def __init__(self, *, call: str, state: str, problem: str) -> None:
        super().__init__(f"call {call} {problem}")
        self.call, self.state = call, state


class AlreadyDecidedError(DecisionError):
    """Somebody was faster, or the call has already run."""


class RequestWithdrawnError(DecisionError):
    """The request was taken back before anybody decided."""


class RequestExpiredError(DecisionError):
    """The decision came too late."""

    status = 410


class SamePersonError(DecisionError):
    """The request needs the agreement of different people, and this one has agreed already."""

    status = 403


class UnknownCallError(DecisionError):
    """No call has this id."""

    status = 404
    exit_code = 2


class NobodyError(UsageError):
    """A decision needs somebody's name."""

    def __init__(self) -> None:
        super().__init__("nobody decides: the login name is not known here; write --by NAME, or set TRUNKLINE_USER")


class EditRefusedError(DecisionError):
    """The edited arguments cannot be used."""

    status = 422


class RunFailedError(TrunklineError):
    """A run ended with an error; what it finished before is kept. The cause is chained."""

    def __init__(self, *, run: str, thread: str, cause: BaseException) -> None:
        super().__init__(f"run {run} on thread {thread!r} failed: {type(cause).__name__}: {cause}")
        self.run, self.thread = run, thread


# --- scenarios ---


class ScenarioFileError(UsageError):
    """A scenario file cannot be used. The text names the file, the line, the place and what was expected."""

    def __init__(self, *, path: str, problem: str) -> None:
        super().__init__(f"scenario {path}: {problem}")
        self.path = path


class ScenarioError(UsageError):
    """A scenario asks for something that its project does not have. The text says what."""


# --- state ---


class StateNotOpenError(UsageError):
    """A checkpointer, store or cache was used outside `async with`, or from the wrong thread."""

    def __init__(self, *, what: str, problem: str, remedy: str) -> None:
        super().__init__(f"this {what} {problem}; {remedy}")


class StaleWriterError(TrunklineError):
    """A writer with an older fencing token came too late: another one has taken over the thread. Stop this run."""

    def __init__(self, *, thread: str, token: int, newest: int) -> None:
        super().__init__(
            f"thread {thread!r} is written with fencing token {newest}, this write carries {token}; "
            f"another worker has taken the thread over, so stop this run"
        )
        self.thread, self.token, self.newest = thread, token, newest


class ThreadConflictError(TrunklineError):
    """Two runs wrote to one thread at once. The first to save goes on; this one's turn would have been lost."""

    def __init__(self, *, thread: str, ns: str, parent: str | None) -> None:
        seen = f"checkpoint {parent}" if parent else "an empty thread"
        super().__init__(
            f"thread {thread!r} (namespace {ns!r}) has moved on from {seen}, where this run began; another run "
            f"wrote to it at the same time, so run this turn again, or branch off by naming a checkpoint_id"
        )
        self.thread, self.ns, self.parent = thread, ns, parent


class CommitUnknownError(TrunklineError):
    """The connection was lost between asking for a commit and hearing of it."""

    def __init__(self) -> None:
        super().__init__(
            "the connection to the database was lost while a transaction was being committed, so nobody knows "
            "whether it was; look at what is stored before you repeat it"
        )


class SavesBehindError(TrunklineError):
    """A run is too far ahead of what the database has saved of it. Nothing of what it handed over is dropped."""

    def __init__(self, *, checkpoints: int) -> None:
        super().__init__(
            f"what tasks wrote under {checkpoints} checkpoints of this run is not saved yet, because the database is "
            f"slow or away; run the turn again when it is back, with durability='sync' to go at the database's pace"
        )
        self.checkpoints = checkpoints


class ThreadDeletedError(TrunklineError):
    """A write came after its thread had been deleted; it was refused, so the thread stays deleted."""

    def __init__(self, *, thread: str) -> None:
        super().__init__(f"thread {thread!r} was deleted while this run was under way; start the conversation anew")
        self.thread = thread


class ThreadExistsError(UsageError):
    """A thread cannot be copied onto one that has checkpoints of its own."""

    def __init__(self, *, thread: str) -> None:
        super().__init__(f"thread {thread!r} has checkpoints already; copy to a thread that is new, or delete it first")
        self.thread = thread


class TypeNotAllowedError(TrunklineError, ValueError):
    """State holds a type that the checkpointer or cache was not told to build. Nothing was built."""

    def __init__(self, *, module: str, name: str) -> None:
        super().__init__(
            f"state holds a {module}.{name}, which is not allowed in checkpoints and caches; "
            f"allow it with allowed_types=[{name}] where the SQLAlchemySaver or SQLAlchemyCache is made, "
            f"or keep plain values in the state"
        )
        self.module, self.name = module, name


class StateFormatError(TrunklineError):
    """A stored value is in a form that this version does not know."""

    def __init__(self, *, found: bytes) -> None:
        super().__init__(f"stored state begins with {found!r}, which this version cannot read; upgrade Trunkline")
        self.found = found


class EventFormatError(TrunklineError):
    """An event of the log is in a form that this version does not know."""

    def __init__(self, *, kind: str, problem: str) -> None:
        super().__init__(f"event {kind!r} {problem}, which this version cannot read; upgrade Trunkline")
        self.kind, self.problem = kind, problem


class KeyringError(UsageError):
    """The keys to encrypt state with cannot be used. The text never holds a key."""

    def __init__(self, *, problem: str) -> None:
        super().__init__(f"keys for state: {problem}; 'trunkline db new-key' makes one")


class StateKeyError(SetupError):
    """A row of state is encrypted with a key that was not given."""

    def __init__(self, *, row: RowName, key: str, known: Sequence[str]) -> None:
        given = f"the keys given are {', '.join(known)}" if known else "no keys were given"
        super().__init__(
            f"{_row(row)} is encrypted with key {key!r}, and {given}; "
            f"add key {key!r} to SQLAlchemySaver(..., keys=...) or TRUNKLINE_KEYS, to read with"
        )
        self.row, self.key, self.known = row, key, tuple(known)


class StateNotEncryptedError(TrunklineError):
    """A row of state is in clear although there are keys: it is older than the keys, or was put there by somebody."""

    def __init__(self, *, row: RowName) -> None:
        super().__init__(
            f"{_row(row)} is not encrypted, which is refused while there are keys; if the database is older than its "
            f"keys and you trust what is in it, run 'trunkline db reencrypt --clear' once"
        )
        self.row = row


class StateForgedError(TrunklineError):
    """A row of state is not what was encrypted for its place. Nothing of it was used."""

    def __init__(self, *, row: RowName, key: str) -> None:
        super().__init__(
            f"{_row(row)} does not open with key {key!r}: it was changed, or put there from another place, or the key "
            f"of that name is another one; restore a backup, or correct the key"
        )
        self.row, self.key = row, key


class StateMissingError(TrunklineError):
    """A checkpoint refers to a value that is not in the database: something else than Trunkline removed rows."""

    def __init__(self, *, thread: str, items: int) -> None:
        super().__init__(f"thread {thread!r} lacks {items} values that its checkpoints refer to; restore a backup")
        self.thread, self.items = thread, items


class DeltaHistoryError(UsageError):
    """Deleting these checkpoints would quietly empty a delta channel of checkpoints that stay."""

    def __init__(self, *, thread: str, runs: list[str]) -> None:
        super().__init__(
            f"thread {thread!r} still builds its delta channels from what runs {', '.join(runs)} wrote; "
            f"delete the whole thread, or these runs once a later snapshot exists"
        )
        self.thread, self.runs = thread, runs


class ThreadInUseError(TrunklineError):
    """A thread cannot be pruned or deleted now: something is under way on it."""

    def __init__(self, *, thread: str, problem: str) -> None:
        super().__init__(f"thread {thread!r} {problem}")
        self.thread = thread


class RetentionError(UsageError):
    """A retention would keep nothing."""

    def __init__(self, *, problem: str) -> None:
        super().__init__(f"{problem}; to delete a thread use 'trunkline threads delete'")


# --- import ---


class ImportSourceError(SetupError):
    """There is nothing to import at a URL."""

    def __init__(self, *, url: str, missing: list[str]) -> None:
        super().__init__(
            f"{url} has no table {' and '.join(missing)}: it is no database of LangGraph's own saver; name the one "
            f"that your program gives to its checkpointer"
        )
        self.url, self.missing = url, missing


class ImportTypeError(TrunklineError):
    """A thread holds a type that was not allowed. Nothing of it was imported."""

    def __init__(self, *, thread: str, module: str, name: str) -> None:
        super().__init__(
            f"thread {thread!r} holds a {module}.{name}, which is not allowed in checkpoints; "
            f"allow it with --allow {module}:{name}, and to the saver with allowed_types="
        )
        self.thread, self.module, self.name = thread, module, name


class ImportValueError(TrunklineError):
    """A thread cannot be imported; nothing here was overwritten."""

    def __init__(self, *, thread: str, problem: str) -> None:
        super().__init__(f"thread {thread!r} {problem}")
        self.thread, self.problem = thread, problem


# --- the queue ---


class LeaseLostError(TrunklineError):
    """A run lost its lease: somebody else has its thread now, and nothing more of the run is written."""

    def __init__(self, *, run: str, thread: str) -> None:
        super().__init__(
            f"run {run} no longer has the lease of thread {thread!r}: its worker was given up or the run was killed; "
            "nothing more of it is written, and whoever has the thread now goes on"
        )
        self.run, self.thread = run, thread


class WorkerDeadError(TrunklineError):
    """A worker was declared dead by others, because it did not renew its lease. It must take no more work."""

    def __init__(self, *, worker: str) -> None:
        super().__init__(
            f"worker {worker} was given up by the others: its lease was not renewed in time; start another"
        )
        self.worker = worker


class OneWorkerError(SetupError):
    """A second worker wants to serve an embedded database."""

    def __init__(self, *, database: str, worker: str, pid: int) -> None:
        super().__init__(
            f"worker {worker} (process {pid}) serves {database} already, and SQLite has one worker; stop it, raise its "
            "--concurrency, or use PostgreSQL, where any number of workers serve one database"
        )
        self.database, self.worker, self.pid = database, worker, pid


class ThreadBusyError(TrunklineError):
    """A run was submitted with the policy `reject` to a thread that has one already."""

    def __init__(self, *, thread: str, run: str) -> None:
        super().__init__(f"thread {thread!r} has run {run} already; wait for it, or submit with another policy")
        self.thread, self.run = thread, run


class QueueFullError(TrunklineError):
    """A tenant has as many queued runs as it may have."""

    def __init__(self, *, tenant: str, queued: int, retry_after: float) -> None:
        super().__init__(
            f"tenant {tenant!r} has {queued} queued runs, as many as it may have; try again in {retry_after:g} s"
        )
        self.tenant, self.queued, self.retry_after = tenant, queued, retry_after


class KeyTakenError(UsageError):
    """An idempotency key was used before, for something else."""

    def __init__(self, *, key: str, run: str) -> None:
        super().__init__(
            f"key {key!r} belongs to run {run}, which was given something else; use a key for each request"
        )
        self.key, self.run = key, run


class RunStateError(UsageError):
    """A run cannot do what was asked of it in the state that it is in."""

    def __init__(self, *, run: str, status: str, wanted: str) -> None:
        super().__init__(f"run {run} is {status}; it would have to be {wanted}")
        self.run, self.status, self.wanted = run, status, wanted


class ResumeError(UsageError):
    """A command with an answer was submitted as a run. Nobody could tell for which question it was meant."""

    def __init__(self) -> None:
        super().__init__("cannot submit Command(resume=...); answer the run that waits with line.answer(run_id, value)")


class AnswerError(UsageError):
    """An answer does not fit what a run waits for. Nothing was answered."""

    def __init__(self, *, run: str, waits_for: list[str], unknown: list[str] | None = None) -> None:
        problem = f"got an answer to {', '.join(unknown)}" if unknown else "got one answer for all of them"
        super().__init__(
            f"run {run} waits at interrupts {', '.join(waits_for)}, {problem}; "
            f"give a mapping from their ids to answers, as line.interrupts({run!r}) shows them"
        )
        self.run, self.waits_for, self.unknown = run, waits_for, unknown or []


class TenantLimitError(UsageError, ValueError):
    """A limit of a tenant has a value that it cannot have."""

    def __init__(self, *, limit: str, value: float | None, least: str) -> None:
        super().__init__(f"{limit} of a tenant must be {least}, got {value!r}")
        self.limit, self.value = limit, value


class ScheduleError(UsageError, ValueError):
    """A schedule has a cron expression or a time zone that names no moments."""

    def __init__(self, *, cron: str, zone: str, problem: str) -> None:
        super().__init__(
            f"cannot schedule {cron!r} in zone {zone!r}: {problem}; expected the five fields of cron "
            "(minute, hour, day of the month, month, day of the week) and a zone like 'Europe/Berlin'"
        )
        self.cron, self.zone, self.problem = cron, zone, problem


class UnknownScheduleError(UsageError, LookupError):
    """There is no schedule of that name."""

    def __init__(self, *, name: str) -> None:
        super().__init__(f"there is no schedule {name!r}; 'trunkline schedules list' shows them")
        self.name = name


# --- store ---


class StoreItemError(UsageError, ValueError):
    """An item cannot be kept as it is. Nothing of its batch was written."""

    def __init__(self, *, namespace: tuple[str, ...], key: str, problem: str) -> None:
        super().__init__(f"item {key!r} in namespace {namespace} cannot be stored: {problem}")
        self.namespace, self.key = namespace, key


class StoreFilterError(UsageError, ValueError):
    """A search filter has an operator that there is not."""

    def __init__(self, *, operator: str, operators: list[str]) -> None:
        super().__init__(f"filter has operator {operator!r}, expected one of {', '.join(operators)}")
        self.operator = operator


class StoreIndexError(UsageError, ValueError):
    """The configuration of a store's search by meaning is not whole."""

    def __init__(self, *, given: list[str]) -> None:
        super().__init__(f"index= needs 'dims' and 'embed', got {', '.join(given) or 'nothing'}")
        self.given = given


class EmbeddingError(TrunklineError, ValueError):
    """An embedding function gave something else than the vectors that were asked for. Nothing was written."""

    def __init__(self, *, problem: str) -> None:
        super().__init__(f"the embedding function gave {problem}; mend the function or 'dims' in index=")


def _row(row: RowName) -> str:
    kind, name = (part if isinstance(part, str) else repr(part) for part in (row[0], row[2]))
    return f"{kind} {name} of {'namespace' if kind in {'store item', 'cache entry'} else 'thread'} {row[1]!r}"

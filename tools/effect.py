"""What a tool does to the world, declared once and used for order, retry, cancellation and approval."""

from __future__ import annotations

from enum import StrEnum


class Effect(StrEnum):
    """The effect of a tool. A tool that declares none is `UNDECLARED` and runs alone."""

    READ = "read"
    """Changes nothing: may run beside others, be cancelled, and be run again."""

    WRITE = "write"
    """Changes something under an idempotency key: may be run again with the same key, is never cancelled."""

    WRITE_ONCE = "write_once"
    """Changes something on a side that knows no keys: is never run again nor cancelled."""

    IRREVERSIBLE = "irreversible"
    """Cannot be taken back: runs alone, and only after a person agreed."""

    UNDECLARED = "undeclared"
    """Not known: treated as a write that nothing may run beside."""

    @property
    def is_read(self) -> bool:
        """Whether the world is the same after the call as before."""
        return self is Effect.READ

    @property
    def repeatable(self) -> bool:
        """Whether a call whose outcome is unknown may simply be made again."""
        return self in {Effect.READ, Effect.WRITE}

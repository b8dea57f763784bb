"""Where a database's tables stand among the migrations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

Phase = Literal["expand", "contract"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step of the tables."""

    revision: str
    sentence: str
    """What it does."""

    phase: Phase
    """`expand` leaves processes of the release before running beside it, `contract` does not."""

    release: str
    """The version of Trunkline with which it came."""

    completes: str | None = None
    """Of a contract: the revision of the expand that it ends, of an older release."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The revision of a database, and what is still to come."""

    current: str | None
    """None when it has no tables of Trunkline."""

    migrations: Sequence[Migration]
    """All that this version knows, the oldest first."""

    @property
    def wanted(self) -> str:
        """The newest revision that this version knows."""
        return self.migrations[-1].revision

    @property
    def known(self) -> bool:
        """Whether this version knows where the database stands: a newer one may have been here."""
        return self.current is None or any(one.revision == self.current for one in self.migrations)

    @property
    def pending(self) -> Sequence[Migration]:
        """What an upgrade would run; nothing where this version does not know its way."""
        revisions = [None, *(one.revision for one in self.migrations)]
        return self.migrations[revisions.index(self.current) :] if self.known else ()

    @property
    def expanded(self) -> str | None:
        """The revision that an upgrade reaches before its first contract."""
        expands = list(takewhile(lambda one: one.phase == "expand", self.pending))
        return expands[-1].revision if expands else self.current

    @property
    def usable(self) -> bool:
        """Whether this version can work on the tables: nothing is missing but contracts."""
        return self.current is not None and self.known and all(one.phase == "contract" for one in self.pending)

    @property
    def before(self) -> Sequence[str]:
        """The revisions that a downgrade can lead to."""
        return [one.revision for one in self.migrations[: len(self.migrations) - len(self.pending) - 1]]

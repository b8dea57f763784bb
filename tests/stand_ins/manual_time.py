"""A database's clock that stands still until it is moved."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.runtime.storage.queue.clock import SECOND


@dataclass(slots=True)
class ManualTime:
    """Tells the time that it was set to."""

    microseconds: int

    @property
    def fixed(self) -> int:
        """Return the time that it was set to."""
        return self.microseconds

    async def read(self, connection: AsyncConnection) -> int:
        """Return microseconds since 1970."""
        del connection
        return self.microseconds

    def move(self, seconds: float) -> None:
        """Go on, or back."""
        self.microseconds += round(seconds * SECOND)

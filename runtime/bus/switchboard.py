"""Who listens to what in this process."""

from __future__ import annotations

from collections.abc import Collection, Generator
from contextlib import contextmanager

from trunkline.runtime.bus.bus import Heard
from trunkline.runtime.bus.mailbox import Mailbox


class Switchboard:
    """Passes on what comes for a topic to everybody who listens to it."""

    def __init__(self) -> None:
        self._mailboxes: dict[str, list[Mailbox]] = {}

    @property
    def topics(self) -> Collection[str]:
        """The topics that somebody listens to."""
        return self._mailboxes.keys()

    @contextmanager
    def plugged_in(self, *topics: str) -> Generator[Mailbox]:
        """Give a mailbox for what comes on these topics during the block."""
        mailbox = Mailbox()
        for topic in dict.fromkeys(topics):
            self._mailboxes.setdefault(topic, []).append(mailbox)
        try:
            yield mailbox
        finally:
            for topic in dict.fromkeys(topics):
                self._mailboxes[topic].remove(mailbox)
                if not self._mailboxes[topic]:
                    del self._mailboxes[topic]

    def pass_on(self, topic: str, message: bytes) -> None:
        """Let everybody hear this who listens to the topic."""
        heard = Heard(topic=topic, message=message)
        for mailbox in self._mailboxes.get(topic, ()):
            mailbox.put(heard)

    def tell_missed(self, topic: str | None = None) -> None:
        """Tell the listeners of a topic, or all of them, that something may have been lost."""
        topics = self._mailboxes if topic is None else [topic]
        for mailbox in {mailbox for each in topics for mailbox in self._mailboxes.get(each, ())}:
            mailbox.put_missed()

"""The tools that a process has seen: where a call that was decided on later finds its function again."""

from __future__ import annotations

from collections import OrderedDict

from trunkline.tools.toolbox import Toolbox

_THREADS = 10_000
"""How many threads are remembered with their own toolboxes; the oldest go first."""


class KnownTools:
    """Remembers the toolbox of each thread, and for each tool the newest toolbox that holds it.

    Tools may be closures over a conversation, so a thread's own toolbox comes first.
    """

    def __init__(self) -> None:
        self._of_thread: OrderedDict[str, Toolbox] = OrderedDict()
        self._by_home: dict[tuple[str, str], Toolbox] = {}
        self.gated = False
        """Whether somebody may have to decide on calls of one of the tools."""

    def learn(self, toolbox: Toolbox, *, thread_id: str | None = None) -> None:
        """Remember a toolbox, as one that a thread uses."""
        if thread_id is not None:
            if self._of_thread.get(thread_id) is toolbox:
                return
            self._of_thread[thread_id] = toolbox
            self._of_thread.move_to_end(thread_id)
            if len(self._of_thread) > _THREADS:
                self._of_thread.popitem(last=False)
        self.gated = self.gated or any(made.approve or made.confirm or made.effect_rule for made in toolbox)
        self._by_home.update({(made.name, made.home): toolbox for made in toolbox})

    def find(self, name: str, home: str | None, *, thread_id: str) -> Toolbox | None:
        """Return the toolbox that holds the tool a call was made of, or None."""
        own = self._of_thread.get(thread_id)
        if own and (found := own.get(name)) and found.home == home:
            return own
        return self._by_home.get((name, home or ""))

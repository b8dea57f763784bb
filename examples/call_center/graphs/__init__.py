"""The desk's graphs: one serves a contact turn by turn, one does the work after it."""

from trunkline.examples.call_center.graphs.after_call import FinishedContact, after_call
from trunkline.examples.call_center.graphs.live_contact import live_contact

__all__ = ["FinishedContact", "after_call", "live_contact"]

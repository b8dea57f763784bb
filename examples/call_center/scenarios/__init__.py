"""Scenarios of the desk: what must happen when a contact goes so. Play them with `trunkline scenario FOLDER`."""

from trunkline.examples.call_center.scenarios.desk import Desk, desk

__all__ = ["Desk", "desk"]

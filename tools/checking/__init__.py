"""Checks what tools declare against what they do. Imports the rest of tools; nothing there imports it."""

from trunkline.tools.checking.check import DEFAULT_SEEDS, check_effects
from trunkline.tools.checking.finding import Finding, FindingKind, Report
from trunkline.tools.checking.subject import Subject, World, ask

__all__ = ["DEFAULT_SEEDS", "Finding", "FindingKind", "Report", "Subject", "World", "ask", "check_effects"]

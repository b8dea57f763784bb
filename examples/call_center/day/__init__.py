"""A generated day of contacts in a world. Imports the world and policy."""

from trunkline.examples.call_center.day.cases import About
from trunkline.examples.call_center.day.day import CONTACTS, Contact, fingerprint, generate_day
from trunkline.examples.call_center.day.phrases import Intent

__all__ = ["CONTACTS", "About", "Contact", "Intent", "fingerprint", "generate_day"]

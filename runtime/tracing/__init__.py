"""Spans of every step, kept in our own store and sent to LangSmith."""

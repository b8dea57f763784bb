"""Brings threads over from the tables of LangGraph's own savers."""

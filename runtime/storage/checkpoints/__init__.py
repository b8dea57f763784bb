"""LangGraph's checkpoints on SQLite and PostgreSQL: each message once per thread, one writer, a bounded read."""

"""LangGraph's store on SQLite and PostgreSQL: namespaces, filters, time to live, search by meaning."""

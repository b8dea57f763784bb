"""A project as LangGraph users write it: a `langgraph.json`, and graphs of every kind."""

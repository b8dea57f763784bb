"""The contenders of `calls.py`, one module each, all serving the same turn.

`turn` is that turn and its stopwatch; `scripted` the model of LangChain's and Trunkline's agents. `gathered`,
`trunkline_turns` and `langchain_agents` run in the benchmark's own process; `pydantic_ai_agents` and `openai_agents` in
another environment, reached through `elsewhere` and served there by `serve`. `databases` are what is written to;
`contenders` gives all their names, `report` tells their figures.
"""

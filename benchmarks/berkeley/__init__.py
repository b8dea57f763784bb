"""The "parallel" tasks of the Berkeley Function Calling Leaderboard: one function each, several calls in one turn.

`tasks` reads the descriptions and the reference answers, `functions` makes tools of the descriptions, `meeting` is
where the calls of a turn meet, `turn` serves a task under Trunkline and compares, `measure` counts.
"""

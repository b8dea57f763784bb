"""A web shop's customer service: the tools of the tau2-retail benchmark over its data, written from its policy.

`records` is the data as loaded, `shop` one run's state over it; `payments`, `orders` and `items` are the policy's
rules; `resources` and the `tools` modules declare them to Trunkline; `tasks` reads the benchmark's tasks, `desk` serves
them, `replay` does so in several ways, `measure` counts. With crashes, `backend` is the shop as a world outside the
process, `door` is where the process is killed, `remote` is the process's side and `crash` the other one, and
`recoveries` counts.
"""

"""An agent of Trunkline beside the graphs."""

from trunkline import Agent, ScriptedModel

clerk = Agent("clerk", model=ScriptedModel(["how can I help?"], repeat=True))

"""What an agent is: prompt, model, toolbox. Imports tools and errors."""

from trunkline.agents.agent import Agent
from trunkline.agents.models import Models
from trunkline.agents.price import ListPrice, MicroDollars, OwnPrice, Price, Usage
from trunkline.agents.prompt import Prompt
from trunkline.agents.scripted import Script, ScriptedCall, ScriptedModel, Step, Turn, call

__all__ = [
    "Agent",
    "ListPrice",
    "MicroDollars",
    "Models",
    "OwnPrice",
    "Price",
    "Prompt",
    "Script",
    "ScriptedCall",
    "ScriptedModel",
    "Step",
    "Turn",
    "Usage",
    "call",
]

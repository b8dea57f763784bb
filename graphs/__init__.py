"""Ready-made shapes: the agent loop, the model step, the fan-out node. Imports agents, tools and errors."""

from trunkline.graphs.agent_loop import agent_graph, wants_tools
from trunkline.graphs.fan_out import FanOut
from trunkline.graphs.model_step import ModelStep

__all__ = ["FanOut", "ModelStep", "agent_graph", "wants_tools"]

"""Asks two questions at once, and thanks meanwhile; the graph is not compiled."""

from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

from .state import Answers


def speed(state: Answers) -> Answers:
    """Ask whether it was quick."""
    return {"said": [f"speed: {interrupt('was it quick?')}"]}


def manners(state: Answers) -> Answers:
    """Ask whether it was friendly."""
    return {"said": [f"manners: {interrupt('was it friendly?')}"]}


def thanks(state: Answers) -> Answers:
    """Ask nothing, beside the two that do."""
    return {"said": ["thank you"]}


survey = StateGraph(Answers)
survey.add_node("speed", speed).add_node("manners", manners).add_node("thanks", thanks)
survey.add_edge(START, "speed").add_edge(START, "manners").add_edge(START, "thanks")

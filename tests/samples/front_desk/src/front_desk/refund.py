"""Pays back once a person has agreed: the question is asked in a subgraph."""

from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

from .state import Case


def ask(state: Case) -> dict[str, bool]:
    """Wait for a person."""
    return {"agreed": interrupt({"pay back": state["refund"].cents})}


def tell(state: Case) -> dict[str, str]:
    """Say how it ended."""
    return {"told": f"order {state['refund'].order}: {'paid back' if state.get('agreed') else 'refused'}"}


approval = StateGraph(Case).add_node("ask", ask).add_edge(START, "ask").compile()
graph = (
    StateGraph(Case)
    .add_node("approval", approval)
    .add_node("tell", tell)
    .add_edge(START, "approval")
    .add_edge("approval", "tell")
    .compile(name="refund")
)

"""Says in one line what is wrong with a model's endpoint."""

from __future__ import annotations

import sys

from langchain_core.language_models import BaseChatModel

from trunkline.errors import ModelUnreachableError


def endpoint_error(error: Exception, model: BaseChatModel) -> ModelUnreachableError | None:
    """Return what the openai client's error means for the user, or None for an error of another kind."""
    if "openai" not in sys.modules:
        return None
    import openai

    if not isinstance(error, openai.APIError):
        return None
    name = str(getattr(model, "model_name", "model"))
    endpoint = str(getattr(model, "openai_api_base", None) or "the OpenAI API")
    return ModelUnreachableError(model=name, endpoint=endpoint, problem=_problem(error))


def _problem(error: Exception) -> str:
    import openai

    match error:
        case openai.APITimeoutError():
            return "did not answer in time; try again, or raise timeout: in models.yaml"
        case openai.APIConnectionError():
            return f"cannot be reached ({error.__cause__ or error}); is the server running, is base_url right?"
        case openai.AuthenticationError():
            return "refuses the key; check the environment variable that key: names"
        case openai.NotFoundError():
            return "does not know this model; check model: in models.yaml"
        case openai.RateLimitError():
            return f"refuses more requests for now: {error.message}"
        case openai.APIStatusError():
            return f"answered with status {error.status_code}: {error.message}"
        case _:
            return str(error)

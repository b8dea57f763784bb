"""Says in one line what is wrong with a model's endpoint."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from langchain_core.language_models import BaseChatModel

from trunkline.errors import ModelUnreachableError

if TYPE_CHECKING:
    import openai

LONGEST = 240
"""Characters of an endpoint's own words that an error repeats."""


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
            return f"cannot be reached ({_line(error.__cause__ or error)}); is the server running, is base_url right?"
        case openai.AuthenticationError():
            return "refuses the key; check the environment variable that key: names"
        case openai.NotFoundError():
            return "does not know this model; check model: in models.yaml"
        case openai.RateLimitError():
            return f"refuses more requests for now: {_answer(error)}"
        case openai.APIStatusError():
            return f"answered with status {error.status_code}: {_answer(error)}"
        case _:
            return _line(error)


def _answer(error: openai.APIStatusError) -> str:
    """Return what the endpoint said itself."""
    body = error.body
    said = cast("Mapping[str, Any]", body).get("message") if isinstance(body, Mapping) else None
    return _line(said or error.response.text or error.message)


def _line(said: object) -> str:
    """Return the text as one line of a length that a person reads."""
    return textwrap.shorten(str(said) or type(said).__name__, LONGEST, placeholder=" ...")

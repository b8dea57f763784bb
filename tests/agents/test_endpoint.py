"""What is said when a model's endpoint gives no usable answer."""

from collections.abc import Callable
from typing import Any

import openai
import pytest
from langchain_openai import ChatOpenAI

from stand_ins.openai_server import (
    Answer,
    Fault,
    Hang,
    HttpReply,
    HttpRequest,
    LoopbackServer,
    OpenAIServer,
    Say,
)
from trunkline.agents.endpoint import endpoint_error
from trunkline.errors import ModelUnreachableError


def chat(url: str, **settings: Any) -> ChatOpenAI:
    given: dict[str, Any] = {"model": "stand-in", "api_key": "sk-test", "max_retries": 0, **settings}
    return ChatOpenAI(base_url=url, **given)


async def failure(model: ChatOpenAI) -> ModelUnreachableError:
    """What is wrong with the model's endpoint, in one line that names both."""
    with pytest.raises(openai.APIError) as raised:
        await model.ainvoke("Hi")
    explained = endpoint_error(raised.value, model)
    assert explained is not None
    assert str(explained) == f"model 'stand-in' at {model.openai_api_base}: {explained.problem}"
    assert "\n" not in str(explained)
    return explained


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (Fault(status=401), "refuses the key; check the environment variable that key: names"),
        (Fault(status=404), "does not know this model; check model: in models.yaml"),
        (Fault(status=429), "refuses more requests for now: Rate limit reached for requests. Please try again later."),
        (Fault(status=400, message="Too long."), "answered with status 400: Too long."),
        (Fault(status=403, message="Not you."), "answered with status 403: Not you."),
        (
            Fault(status=500),
            "answered with status 500: The server had an error while processing your request. Sorry about that!",
        ),
    ],
)
async def test_a_status_is_explained_in_one_line(fault: Fault, problem: str) -> None:
    """What to check where there is something to check, else what the endpoint said itself."""
    with OpenAIServer(lambda _: fault) as server:
        assert (await failure(chat(server.url))).problem == problem


class Gateway(LoopbackServer):
    """Something in between that answers with a page of its own."""

    def reply(self, request: HttpRequest) -> HttpReply:
        page = b"<html>\n  <h1>Bad gateway</h1>\n" + b"  <p>nothing</p>\n" * 100 + b"</html>"
        return HttpReply(status=502, body=page, content_type="text/html")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"


async def test_a_page_in_place_of_an_answer_is_cut_to_a_line() -> None:
    """The first words of it tell who it was."""
    with Gateway() as gateway:
        problem = (await failure(chat(gateway.url))).problem

    assert problem.startswith("answered with status 502: <html> <h1>Bad gateway</h1> <p>nothing</p>")
    assert len(problem) < 300


async def test_nobody_listens() -> None:
    """The two usual reasons are asked for."""
    with OpenAIServer(lambda _: Say(text="Hi")) as server:
        url = server.url

    problem = (await failure(chat(url))).problem
    assert problem.startswith("cannot be reached (")
    assert problem.endswith("); is the server running, is base_url right?")


async def test_an_endpoint_that_hangs_up_cannot_be_reached() -> None:
    """The connection's own error is in the text."""

    def hang_up(_: dict[str, Any]) -> Answer:
        raise ConnectionResetError

    with OpenAIServer(hang_up) as server:
        assert (await failure(chat(server.url))).problem.startswith("cannot be reached (")


async def test_an_endpoint_that_says_nothing_did_not_answer_in_time() -> None:
    """The setting for more patience is named."""
    with OpenAIServer(lambda _: Hang()) as server:
        problem = (await failure(chat(server.url, timeout=0.1))).problem

    assert problem == "did not answer in time; try again, or raise timeout: in models.yaml"


@pytest.mark.parametrize("make", [lambda: ValueError("x"), lambda: ConnectionError("x"), lambda: TimeoutError()])
def test_errors_that_are_not_the_endpoints_are_left_alone(make: Callable[[], Exception]) -> None:
    """Whoever raised them says what they mean."""
    assert endpoint_error(make(), chat("http://127.0.0.1:9/v1")) is None

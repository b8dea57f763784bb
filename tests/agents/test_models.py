"""`models.yaml`."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_openai import ChatOpenAI

from stand_ins.openai_server import OpenAIServer, Say
from trunkline.agents import ListPrice, Models, OwnPrice, ScriptedModel, Step, Usage
from trunkline.agents.models import NAME_KEY
from trunkline.errors import MissingKeyError, ModelsFileError, UnknownModelError

KINDS = "expected kind: openai or kind: scripted"


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_ORG_ID", "OPENAI_PROXY"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(name="path")
def models_path(tmp_path: Path) -> Path:
    return tmp_path / "models.yaml"


def read(path: Path, **models: Any) -> Models:
    path.write_text(yaml.safe_dump({"models": models}))
    return Models.from_file(path)


def script(messages: list[BaseMessage]) -> Step:
    return f"heard {messages[-1].text}"


OPENAI = {"kind": "openai", "model": "gpt-4o"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "the file: expected a mapping"),
        ("- a", "the file: expected a mapping"),
        ("models:", "models: expected a mapping"),
        ("models: [a]", "models: expected a mapping"),
        ("modles: {}", "models: is missing; modles: is not known here"),
        ("models: {fast: openai}", "models.fast: expected a mapping"),
        ("models: {fast: {}}", f"models.fast: has no kind; {KINDS}"),
        ("models: {fast: {kind: opnai}}", f"models.fast.kind: 'opnai' is not known; {KINDS}"),
        ("models: {fast: {kind: openai}}", "models.fast.model: is missing"),
        ("models: {fast: {kind: openai, model: x, tmeperature: 1}}", "models.fast.tmeperature: is not known here"),
        (
            "models: {fast: {kind: openai, model: x, timeout: -1, temperature: warm}}",
            (
                "models.fast.temperature: input should be a valid number, got 'warm'; "
                "models.fast.timeout: input should be greater than 0, got -1"
            ),
        ),
        ("models: {a: {kind: openai, model: x, price: {output: 1}}}", "models.a.price.input: is missing"),
        (
            "models: {a: {kind: openai, model: x, price: {input: -1, output: 1}}}",
            "models.a.price.input: input should be greater than or equal to 0, got -1",
        ),
        ("models: {1: {kind: openai, model: x}}", "models.1: input should be a valid string, got 1"),
        ("models: {a: {kind: openai, model: x}", "is not YAML: while parsing a flow mapping"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_the_place(path: Path, content: str, problem: str) -> None:
    """As a path through the file that was written, and everything at once."""
    path.write_text(content)

    with pytest.raises(ModelsFileError) as raised:
        Models.from_file(path)
    assert str(raised.value).startswith(f"models file {path}: {problem}")
    assert "\n" not in str(raised.value)


def test_a_file_that_cannot_be_read_is_named(path: Path) -> None:
    """Missing, or not in UTF-8."""
    with pytest.raises(ModelsFileError) as raised:
        Models.from_file(path)
    assert str(raised.value) == f"models file {path}: cannot be read: No such file or directory"

    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ModelsFileError, match="cannot be read: it is not UTF-8"):
        Models.from_file(path)


def test_an_unknown_name_is_told_the_known_ones(path: Path) -> None:
    """And the file in which to add it."""
    models = read(path, fast=OPENAI, slow=OPENAI)

    with pytest.raises(UnknownModelError) as raised:
        models.chat_model("fats")
    assert str(raised.value) == (f"model 'fats' is not in {path}, which has: fast, slow; add it or use one of these")
    with pytest.raises(UnknownModelError, match=r"there is no models\.yaml in the working folder"):
        Models({}).chat_model("fast")


def test_a_key_that_is_missing_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only when its model is used, and not when the model is at an address of its own."""
    models = read(path, fast=OPENAI | {"key": "FAST_KEY"}, local=OPENAI | {"base_url": "http://127.0.0.1:9/v1"})

    with pytest.raises(MissingKeyError) as raised:
        models.chat_model("fast")
    assert str(raised.value) == (
        "model 'fast' needs a key: environment variable FAST_KEY is not set; "
        "set it, or use a scripted model, which needs none"
    )
    assert models.chat_model("local") is models.chat_model("local")
    monkeypatch.setenv("FAST_KEY", "sk-test")
    assert models.chat_model("fast").metadata == {NAME_KEY: "fast"}


@pytest.mark.parametrize("place", ["base_url", "environment"])
async def test_an_openai_model_is_reached_where_the_file_or_the_environment_says(
    path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the key, the model's own name, the temperature, and usage also when it streams."""
    monkeypatch.setenv("FAST_KEY", "sk-test")
    with OpenAIServer(lambda _: Say(text="Hello to you"), api_key="sk-test", models=("big",)) as server:
        setting: dict[str, Any] = {"kind": "openai", "model": "big", "key": "FAST_KEY", "temperature": 0.5}
        if place == "base_url":
            setting["base_url"] = server.url
        else:
            monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        chunks = [chunk async for chunk in read(path, fast=setting).chat_model("fast").astream("Hi")]

    assert "".join(chunk.text for chunk in chunks) == "Hello to you"
    assert [chunk.usage_metadata["total_tokens"] for chunk in chunks if chunk.usage_metadata] == [17]
    assert server.requests[0].body["temperature"] == 0.5


def test_a_scripted_model_is_found_by_the_name_of_its_script(path: Path) -> None:
    """It answers like one made in code, and is named after its alias."""
    models = read(path, demo={"kind": "scripted", "script": f"{__name__}:script"})
    answer = models.chat_model("demo").invoke([HumanMessage("a bell")])

    assert (answer.text, answer.response_metadata["model_name"]) == ("heard a bell", "demo")
    assert isinstance(models.chat_model("demo"), ScriptedModel)


@pytest.mark.parametrize("script", ["no_such_module:play", f"{__name__}:no_such_name", "two words"])
def test_a_script_that_is_not_there_is_one_line_that_names_the_place(path: Path, script: str) -> None:
    """The file, the model, and what was looked for."""
    models = read(path, demo={"kind": "scripted", "script": script})

    with pytest.raises(ModelsFileError) as raised:
        models.chat_model("demo")
    assert str(raised.value).startswith(f"models file {path}: models.demo.script: {script!r} cannot be found: ")
    assert "\n" not in str(raised.value)


def test_a_model_has_its_own_price_or_a_listed_one(path: Path) -> None:
    """The file's first, then the one that it points to, then the list's; a scripted model has none."""
    price = {"input": 1, "output": 2.5}
    scripted = {"kind": "scripted", "script": "a:b"}
    models = read(
        path, own=OPENAI | {"price": price}, like=OPENAI | {"priced_as": "o3"}, listed=OPENAI, scripted=scripted
    )

    one = Decimal(1)
    assert models.price("own") == OwnPrice(input=one, cached=one, output=Decimal("2.5"))
    assert models.price("like") == ListPrice(model="o3")
    assert models.price("listed") == ListPrice(model="gpt-4o")
    assert (models.price("scripted"), models.price("unknown")) == (None, None)


def test_a_price_in_the_file_is_exact(path: Path) -> None:
    """A tenth of a dollar is a tenth, not what a binary number makes of it."""
    price = read(path, own=OPENAI | {"price": {"input": 0.1, "cached": 0.01, "output": 0.3}}).price("own")

    assert price is not None
    usage = Usage(input_tokens=30_000_000, cached_tokens=10_000_000, output_tokens=10_000_000)
    assert price.cost(usage, datetime(2026, 5, 1, tzinfo=UTC)) == 2_000_000 + 100_000 + 3_000_000


def test_the_names_are_sorted(path: Path) -> None:
    """As an error lists them."""
    assert read(path, b=OPENAI, a=OPENAI).names == ["a", "b"]


def test_the_client_of_openai_itself_may_choose_its_api(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only other endpoints are pinned to chat completions, which all of them speak."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    models = read(path, own=OPENAI, other=OPENAI | {"base_url": "http://127.0.0.1:9/v1"})
    own, other = models.chat_model("own"), models.chat_model("other")

    assert isinstance(own, ChatOpenAI)
    assert isinstance(other, ChatOpenAI)
    assert (own.use_responses_api, other.use_responses_api) == (None, False)


async def test_a_key_is_sent_to_an_address_in_the_file_only_when_the_file_names_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key for OpenAI is nobody else's business."""
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    with OpenAIServer(lambda _: Say(text="hello")) as server:
        there = {"kind": "openai", "model": "stand-in", "base_url": server.url}
        models = read(path, other=there, ours=there | {"key": "OPENAI_API_KEY"})
        for name in ("other", "ours"):
            await models.chat_model(name).ainvoke("hello")

    assert [request.authorization for request in server.requests] == ["Bearer not-needed", "Bearer secret"]

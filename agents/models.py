"""`models.yaml`: the chat models that agents name, and how each is reached and priced."""

from __future__ import annotations

import os
import pkgutil
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from langchain_core.language_models import BaseChatModel
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from trunkline.agents.file_fault import one_line, place, unreadable, wrong
from trunkline.agents.price import ListPrice, OwnPrice, Price
from trunkline.agents.scripted import ScriptedModel
from trunkline.errors import MissingKeyError, ModelsFileError, ScriptError, UnknownModelError

NAME_KEY = "trunkline_model"
"""The key under which the metadata of a model's callbacks says by which name it was asked for."""


class _PriceSetting(BaseModel):
    """Own prices in US dollars for a million tokens."""

    model_config = ConfigDict(extra="forbid")

    input: Decimal = Field(ge=0)
    cached: Decimal | None = Field(default=None, ge=0)
    output: Decimal = Field(ge=0)

    def price(self) -> Price:
        cached = self.input if self.cached is None else self.cached
        return OwnPrice(input=self.input, cached=cached, output=self.output)


class _Setting(BaseModel):
    """What every kind of model may say."""

    model_config = ConfigDict(extra="forbid")

    price: _PriceSetting | None = None
    priced_as: str | None = None
    """Name of the model whose list price counts, for one that has none of its own."""

    def declared_price(self) -> Price | None:
        """Return what the file says of the price, or None."""
        if self.price:
            return self.price.price()
        return ListPrice(model=self.priced_as) if self.priced_as else None


class OpenAISetting(_Setting):
    """A model behind an OpenAI-compatible endpoint: OpenAI, Ollama, vLLM, any base URL."""

    kind: Literal["openai"]
    model: str
    base_url: str | None = None
    """Left out: the environment variable OPENAI_BASE_URL, else OpenAI itself."""

    key: str = "OPENAI_API_KEY"
    """Name of the environment variable that holds the key.

    With a base URL the variable may be unset; a key that is not named here is never sent to the file's base_url.
    """

    temperature: float | None = None
    timeout: float = Field(default=60.0, gt=0)
    """Seconds for one request."""

    def chat_model(self, name: str) -> BaseChatModel:
        """Return the client; `name` is what an error calls it."""
        from langchain_openai import ChatOpenAI  # heavy: about 2 s

        base_url = self.base_url or os.environ.get("OPENAI_BASE_URL")
        key = self._key() or ("not-needed" if base_url else None)
        if key is None:
            raise MissingKeyError(model=name, variable=self.key)
        return ChatOpenAI(
            model=self.model,
            base_url=base_url,
            api_key=SecretStr(key),
            temperature=self.temperature,
            timeout=self.timeout,
            stream_usage=True,
            use_responses_api=False if base_url else None,
        )

    def _key(self) -> str | None:
        is_meant = self.base_url is None or "key" in self.model_fields_set
        return os.environ.get(self.key) if is_meant else None

    def declared_price(self) -> Price | None:
        """Return what the file says of the price, else the model's list price."""
        return super().declared_price() or ListPrice(model=self.model)


class ScriptedSetting(_Setting):
    """A `ScriptedModel` whose script is a function, found as `package.module:function`."""

    kind: Literal["scripted"]
    script: str
    latency: float = Field(default=0.0, ge=0)

    def chat_model(self, name: str) -> BaseChatModel:
        """Return the model; its script is imported now. Raises `ScriptError` when it is not there."""
        try:
            script = pkgutil.resolve_name(self.script)
        except (ImportError, AttributeError, ValueError) as error:
            message = f"{self.script!r} cannot be found: {one_line(error)}"
            raise ScriptError(message) from error
        return ScriptedModel(script, name=name, latency=self.latency)


_KINDS = "expected kind: openai or kind: scripted"

ModelSetting = Annotated[OpenAISetting | ScriptedSetting, Field(discriminator="kind")]


class _ModelsFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    models: dict[str, ModelSetting]


class Models:
    """The models that can be asked for by name. A chat model is made at its first use, and kept."""

    def __init__(self, settings: Mapping[str, OpenAISetting | ScriptedSetting], *, path: str | None = None) -> None:
        self._settings = dict(settings)
        self._path = path
        self._made: dict[str, BaseChatModel] = {}

    @classmethod
    def from_file(cls, path: str | Path) -> Models:
        """Read `models.yaml`. Raises `ModelsFileError` that names the place and what was expected there."""
        try:
            content = yaml.safe_load(Path(path).read_text(encoding="utf-8-sig"))
            return cls(_ModelsFile.model_validate(content).models, path=str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise ModelsFileError(path=str(path), problem=unreadable(error)) from error
        except yaml.YAMLError as error:
            raise ModelsFileError(path=str(path), problem=f"is not YAML: {one_line(error)}") from error
        except ValidationError as error:
            raise ModelsFileError(path=str(path), problem=_problems(error)) from None  # pydantic says it at length

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any], *, path: str | None = None) -> Models:
        """Take what `settings` gave, in another process perhaps."""
        return cls(_ModelsFile.model_validate({"models": settings}).models, path=path)

    @property
    def settings(self) -> dict[str, Any]:
        """The models as `models.yaml` writes them, as JSON can hold them. Keys are not among it, only their names."""
        kept = _ModelsFile(models=self._settings).model_dump(mode="json", exclude_unset=True)
        models: dict[str, Any] = kept["models"]
        return models

    @property
    def names(self) -> list[str]:
        """The names that `chat_model` knows."""
        return sorted(self._settings)

    def chat_model(self, name: str) -> BaseChatModel:
        """Return the chat model of this name.

        Raises `UnknownModelError` for a name that is not in the file, `MissingKeyError` for a key that is not set, and
        `ModelsFileError` for a script that is not there.
        """
        if name not in self._settings:
            raise UnknownModelError(name=name, known=self.names, path=self._path)
        if name not in self._made:
            model = self._make(name)
            model.metadata = {NAME_KEY: name}
            self._made[name] = model
        return self._made[name]

    def _make(self, name: str) -> BaseChatModel:
        try:
            return self._settings[name].chat_model(name)
        except ScriptError as error:
            problem = f"models.{name}.script: {error}"
            raise ModelsFileError(path=self._path or "given in code", problem=problem) from error

    def price(self, name: str) -> Price | None:
        """Return how calls of the model of this name are priced, or None when nobody knows."""
        setting = self._settings.get(name)
        return setting.declared_price() if setting else None


def _problems(error: ValidationError) -> str:
    return "; ".join(_problem(item) for item in error.errors())


def _problem(item: Any) -> str:
    match item["loc"], item["type"]:
        case _, "union_tag_not_found":
            return f"{place(item['loc'])}: has no kind; {_KINDS}"
        case _, "union_tag_invalid":
            return f"{place(item['loc'])}.kind: {item['ctx']['tag']!r} is not known; {_KINDS}"
        case ("models", name, _, *below), _:  # pydantic names the kind here, which is no place in the file
            return f"{place(('models', name, *below))}: {wrong(item)}"
        case location, _:
            return f"{place(location)}: {wrong(item)}"

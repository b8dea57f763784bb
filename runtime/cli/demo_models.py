"""The models that the demonstration can take: the example's own, and any other of a configured endpoint."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

import yaml

from trunkline.agents.models import Models, OpenAISetting


def models_of(model: str) -> Models:
    """Return the example's models; where an OpenAI-compatible endpoint is set in the environment, also any of its."""
    models = Models.from_file(_example())
    if model not in models.names and (os.environ.get("OPENAI_API_KEY") or os.environ.get("OPENAI_BASE_URL")):
        return Models({model: OpenAISetting(kind="openai", model=model)})
    return models


def models_file(model: str, folder: Path) -> Path:
    """Return the file by which a worker process gets the model; it is written into the folder where there is none."""
    if model in Models.from_file(_example()).names:
        return _example()
    own = folder / "models.yaml"
    own.write_text(yaml.safe_dump({"models": {model: {"kind": "openai", "model": model}}}))
    return own


def described(model: str) -> str:
    """Return the model as a newcomer must know it."""
    if model == "scripted":
        return "scripted (rules instead of a language model: no key, no network; --model NAME takes a real one)"
    return model


def _example() -> Path:
    return Path(str(files("trunkline.examples.call_center") / "models.yaml"))

"""Prices a model call."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from trunkline.agents.models import NAME_KEY, Models
from trunkline.agents.price import ListPrice, MicroDollars, Usage

_PROVIDERS = {"openai": "openai", "anthropic": "anthropic", "google_genai": "google"}
"""LangChain's names of providers, as genai-prices writes them."""


class Meter:
    """Tells the name and the cost of a model call from what LangChain's callbacks know of it."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def name(self, metadata: Mapping[str, Any]) -> str:
        """Return the name that `models.yaml` gives the model, else the provider's."""
        return str(metadata.get(NAME_KEY) or metadata.get("ls_model_name") or "unknown")

    def cost(self, metadata: Mapping[str, Any], usage: Usage | None, at: datetime) -> MicroDollars | None:
        """Return the cost of the call, or None when its usage or its price is not known."""
        if usage is None:
            return None
        if NAME_KEY in metadata:
            price = self._models.price(metadata[NAME_KEY])
        else:
            provider = _PROVIDERS.get(str(metadata.get("ls_provider")))
            price = ListPrice(model=self.name(metadata), provider=provider) if provider else None
        return price.cost(usage, at) if price else None

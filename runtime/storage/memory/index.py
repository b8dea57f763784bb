"""Which texts of an item it is found by, and the vectors that the user's function makes of texts."""

from __future__ import annotations

import asyncio
import importlib.util
import math
from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from langchain_core.embeddings import Embeddings
from langgraph.store.base import IndexConfig, PutOp, ensure_embeddings, get_text_at_path, tokenize_path

from trunkline.errors import EmbeddingError, MissingExtraError, StoreIndexError
from trunkline.runtime.storage.memory.batch import Batch, Name

Field = tuple[str, str]
"""A path, with a number behind where it leads to several texts, and the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """The vectors that a batch needs."""

    items: Mapping[Name, Sequence[tuple[str, bytes]]]
    """Of the items that it puts, by field."""

    queries: Mapping[str, bytes]
    """Of the queries of its searches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorIndex:
    """LangGraph's `IndexConfig`, understood."""

    dims: int
    embeddings: Embeddings
    paths: Sequence[str]

    @classmethod
    def of(cls, config: IndexConfig) -> Self:
        """Understand the config. Raises `StoreIndexError`, `MissingExtraError`."""
        if "dims" not in config or "embed" not in config:
            raise StoreIndexError(given=list(config))
        if not all(importlib.util.find_spec(package) for package in ("numpy", "pgvector")):
            raise MissingExtraError(feature="search by meaning", extra="rag")
        return cls(
            dims=config["dims"],
            embeddings=ensure_embeddings(config["embed"]),
            paths=tuple(config.get("fields") or ["$"]),
        )

    def fields(self, op: PutOp) -> list[Field]:
        """Return the texts by which the item is found."""
        if op.value is None or op.index is False:
            return []
        fields: list[Field] = []
        for path in self.paths if op.index is None else op.index:
            texts = get_text_at_path(op.value, path if path == "$" else tokenize_path(path))
            fields += [(f"{path}.{n}" if len(texts) > 1 else path, text) for n, text in enumerate(texts)]
        return list(dict(fields).items())

    async def embed(self, batch: Batch) -> Embedded:
        """Have all vectors made that the batch needs. Raises `EmbeddingError`."""
        fields = {name: self.fields(op) for name, op in batch.puts.items()}
        documents = await self._documents({text for named in fields.values() for _, text in named})
        return Embedded(
            items={name: [(field, documents[text]) for field, text in named] for name, named in fields.items()},
            queries=await self._queries({op.query for op in batch.searches.values() if op.query}),
        )

    async def _documents(self, texts: Collection[str]) -> dict[str, bytes]:
        different = sorted(texts)
        vectors = await self.embeddings.aembed_documents(different) if different else []
        if len(vectors) != len(different):
            raise EmbeddingError(problem=f"{len(vectors)} vectors for {len(different)} texts")
        return {text: self._packed(vector) for text, vector in zip(different, vectors, strict=True)}

    async def _queries(self, texts: Collection[str]) -> dict[str, bytes]:
        vectors = await asyncio.gather(*map(self.embeddings.aembed_query, texts))
        return {text: self._packed(vector) for text, vector in zip(texts, vectors, strict=True)}

    def _packed(self, vector: Sequence[float]) -> bytes:
        numbers = array("f", vector)
        if len(numbers) != self.dims:
            raise EmbeddingError(problem=f"a vector of {len(numbers)} numbers instead of {self.dims}")
        if not all(map(math.isfinite, numbers)):
            raise EmbeddingError(problem="a vector with a number that is not finite")
        return numbers.tobytes()

"""Search by meaning is exact, whoever computes it: NumPy on SQLite and PostgreSQL, and pgvector."""

from collections.abc import AsyncGenerator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.store.base import PutOp, SearchOp

from stand_ins.databases import execute
from stand_ins.embeddings import LETTERS, cosine, index, letters
from trunkline import SQLAlchemyStore
from trunkline.errors import EmbeddingError

WORDS = st.text(LETTERS + "xyz", max_size=12)
NOTES = ("notes",)


@pytest.fixture(params=["sqlite", "postgresql", "pgvector"])
def backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def indexed(url: str, backend: str) -> AsyncGenerator[SQLAlchemyStore]:
    async with SQLAlchemyStore.from_conn_string(url, index=index("text")) as store:
        if backend == "pgvector":
            await store.setup()
        yield store


@given(texts=st.lists(WORDS, unique=True, max_size=12), query=WORDS.filter(bool))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_search_finds_the_nearest(indexed: SQLAlchemyStore, texts: list[str], query: str) -> None:
    """All of them, with the scores that a calculation by hand gives, also where a vector is nothing but zeros."""
    old = await indexed.asearch(NOTES, limit=100)
    await indexed.abatch([PutOp(NOTES, item.key, None) for item in old])
    await indexed.abatch([PutOp(NOTES, f"k{n}", {"text": text}) for n, text in enumerate(texts)])
    found = await indexed.asearch(NOTES, query=query, limit=100)

    nearest = sorted((cosine(query, text) for text in texts), reverse=True)
    assert [item.score for item in found] == pytest.approx(nearest, abs=1e-6)
    assert [item.score for item in found] == pytest.approx(
        [cosine(query, item.value["text"]) for item in found], abs=1e-6
    )


async def test_items_embedded_with_other_dimensions_are_not_found_by_meaning(
    indexed: SQLAlchemyStore, url: str
) -> None:
    """Until they are written again; nothing fails."""
    await indexed.aput(NOTES, "new", {"text": "a"})
    async with SQLAlchemyStore.from_conn_string(url, index={"dims": 2, "embed": lambda texts: [[1.0, 2.0]]}) as other:
        await other.aput(NOTES, "old", {"text": "a"})

    assert [item.key for item in await indexed.asearch(NOTES, query="a")] == ["new"]


async def test_vectors_that_were_there_before_pgvector_are_found(url: str, backend: str) -> None:
    """The tables are the same with it and without, so that it may come and go."""
    async with SQLAlchemyStore.from_conn_string(url, index=index("text")) as store:
        await store.aput(NOTES, "one", {"text": "abc"})
        before = await store.asearch(NOTES, query="ab")
        await store.setup()
        after = await store.asearch(NOTES, query="ab")
        if backend != "sqlite":
            execute(url, "DROP EXTENSION vector")

        for found in (before, after, await store.asearch(NOTES, query="ab")):
            assert [item.score for item in found] == pytest.approx([cosine("ab", "abc")], abs=1e-6)


@pytest.mark.parametrize("backend", ["pgvector"])
async def test_a_server_without_the_right_to_have_pgvector_will_do(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is said once, in the log, and NumPy does the search."""
    execute(
        url,
        "CREATE ROLE guest LOGIN",
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO guest",
    )
    try:
        guest = url.replace("postgres:", "guest:", 1)
        async with SQLAlchemyStore.from_conn_string(guest, index=index("text")) as store:
            await store.setup()
            await store.aput(NOTES, "one", {"text": "abc"})

            assert [item.score for item in await store.asearch(NOTES, query="abc")] == [pytest.approx(1.0)]
            assert "store.pgvector_missing" in caplog.text
    finally:
        execute(url, "DROP OWNED BY guest", "DROP ROLE guest")


# --- what the embedding function gives ---


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize(
    ("vectors", "problem"),
    [
        ([[1.0, 2.0, 3.0]], "a vector of 3 numbers instead of 2"),
        ([[1.0, 2.0]] * 2, "2 vectors for 1 texts"),
        ([[1.0, float("inf")]], "not finite"),
    ],
)
async def test_what_is_no_embedding_is_refused(url: str, vectors: list[list[float]], problem: str) -> None:
    """And nothing is written."""
    async with SQLAlchemyStore.from_conn_string(url, index={"dims": 2, "embed": lambda texts: vectors}) as store:
        with pytest.raises(EmbeddingError, match=problem):
            await store.aput(NOTES, "one", {"text": "a"})

        assert await store.asearch(()) == []


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_an_asynchronous_function_embeds_each_text_of_a_batch_once(url: str) -> None:
    """In one call for what is put."""
    calls: list[list[str]] = []

    async def embed(texts: Sequence[str]) -> list[list[float]]:
        calls.append(sorted(texts))
        return letters(texts)

    async with SQLAlchemyStore.from_conn_string(
        url, index={"dims": len(LETTERS), "embed": embed, "fields": ["text"]}
    ) as store:
        await store.abatch(
            [
                PutOp(NOTES, "one", {"text": "a"}),
                PutOp(NOTES, "two", {"text": "a"}),
                PutOp(NOTES, "three", {"text": "b"}),
                PutOp(NOTES, "none", {"text": "c"}, index=False),
                PutOp(NOTES, "gone", None),
                SearchOp(NOTES, query="q"),
                SearchOp((), query="q"),
            ]
        )

    assert sorted(calls) == [["a", "b"], ["q"]]

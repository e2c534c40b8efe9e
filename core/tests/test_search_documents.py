"""A backend that gives its hits as documents gives the same answers."""

import asyncio
import random

import attrs
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from pygent_vec import DistanceMetric, F, VectorDocument, VectorQuery
from pygent_vec.filters import Pushdown
from pygent_vec.stores import MemoryConfig

from .doubles import AsyncMemoryStore
from .test_residual import without_times


class DocumentsStore(AsyncMemoryStore):
    """Gives the hits of a search as documents, in any order, and counts how often."""

    given = 0

    def _search_documents(self, spec, request):
        async def found():
            self.given += 1
            (hits,) = await self._search(spec, request)
            documents = hits.found(spec.name)
            random.Random(self.given).shuffle(documents)
            return documents

        return found()


class GradingStore(DocumentsStore):
    def _grade(self, comparison):
        return Pushdown.NONE


async def opened(kind, count=12):
    store = kind(MemoryConfig())
    await store.initialize()
    await store.create_collection("default", 2, DistanceMetric.EUCLIDEAN)
    await store.add_documents(
        [
            VectorDocument(
                id=f"{number * 7 % 100:02}",
                content=f"text {number}",
                title="t" if number % 3 == 0 else None,
                embedding=[number % 3, number % 4],
                metadata={"n": number},
            )
            for number in range(count)
        ]
    )
    return store


queries = st.builds(
    VectorQuery,
    query_vector=st.sampled_from([[0, 0], [2, 3], [1.5, 2]]),
    limit=st.integers(1, 15),
    offset=st.integers(0, 5),
    similarity_threshold=st.none() | st.sampled_from([0.0, 0.2, 0.25, 1 / 3, 0.5, 1.0]),
    distance_metric=st.none() | st.just(DistanceMetric.MANHATTAN),
    metadata_filter=st.none() | st.just({"n": {"$gte": 5}}),
    include_metadata=st.booleans(),
    include_content=st.booleans(),
    include_embedding=st.booleans(),
)


@settings(max_examples=60)
@given(st.integers(0, 12), queries)
def test_documents_and_columns_have_the_same_results(count, query):
    async def main():
        stores = [await opened(kind, count) for kind in (AsyncMemoryStore, DocumentsStore)]
        columns, documents = [await store.search_similar(query) for store in stores]
        assert stores[1].given == 1
        for one, other in zip(without_times(columns), without_times(documents), strict=True):
            mine, theirs = one.document.embedding, other.document.embedding
            assert (mine is None) == (theirs is None)
            assert mine is None or np.array_equal(mine, theirs)
            assert attrs.asdict(one, filter=_not_embedding) == attrs.asdict(other, filter=_not_embedding)

    asyncio.run(main())


def _not_embedding(field, _):
    return field.name != "embedding"


@pytest.mark.parametrize("condition", [F("n") == 3, {"n": {"$gte": 5}}])
def test_a_filter_that_core_finishes_is_asked_in_columns(condition):
    async def main():
        store = await opened(GradingStore)
        query = VectorQuery(query_vector=[0, 0], metadata_filter=condition)
        assert await store.search_similar(query)
        assert store.given == 0

    asyncio.run(main())


def test_several_queries_are_asked_together_in_columns():
    async def main():
        store = await opened(DocumentsStore)
        query = VectorQuery(query_vector=[0, 0])
        one, other = await store.search_many([query, query])
        assert without_times(one) == without_times(other)
        assert store.given == 0
        assert [without_times(found) for found in await store.search_many([query])] == [without_times(one)]
        assert store.given == 1

    asyncio.run(main())

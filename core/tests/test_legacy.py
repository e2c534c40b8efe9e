"""The old names and shapes, over new stores and their data."""

import asyncio
import dataclasses
import warnings
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pygent_vec import (
    ConfigError,
    F,
    InvalidDocumentError,
    InvalidVectorError,
    StoreClosedError,
    SyncVectorStore,
    legacy,
)
from pygent_vec import VectorDocument as ModernDocument
from pygent_vec import VectorQuery as ModernQuery
from pygent_vec.legacy import SimilarityResult, VectorDocument, VectorStore, VectorStoreManager
from pygent_vec.manager import VectorStoreManager as ModernManager
from pygent_vec.stores import MemoryConfig, MemoryStore

from .doubles import AsyncMemoryStore

pytestmark = pytest.mark.filterwarnings("ignore:.* is deprecated; use :DeprecationWarning")

NOON = datetime(2024, 2, 29, 12, 0, 0, 123456)  # noqa: DTZ001  # old code has naive times


class Words:
    """An embedder of two dimensions."""

    model = "words-1"
    dimension = 2

    def embed(self, texts):
        return np.array([[len(text), 1] for text in texts], dtype=np.float32)


@pytest.fixture(params=["blocking", "async", "sync-blocking", "sync-async"])
def beneath(request):
    """A new store of each kind that an old one can stand on, not open yet."""
    kind = AsyncMemoryStore if request.param.endswith("async") else MemoryStore
    store = kind(MemoryConfig())
    if not request.param.startswith("sync"):
        yield store
        return
    with SyncVectorStore(store) as sync:
        yield sync


def run(store, work):
    """Run *work* with an opened old store over *store*."""

    async def main():
        old = VectorStore("documents", store)
        await old.initialize()
        try:
            return await work(old)
        finally:
            if not isinstance(store, SyncVectorStore):
                await store.close()

    return asyncio.run(main())


def document(one, embedding=(1.0, 0.0), **changes):
    return VectorDocument(one, f"text {one}", list(embedding), **changes)


# ── documents and results ──


def test_a_document_is_positional_and_mutable_and_lists_its_embedding():
    old = VectorDocument("a", "text", np.array([0.5, 0.25]), {"k": 1}, NOON)
    assert old.embedding == [0.5, 0.25]
    old.content = "other"
    assert old == VectorDocument("a", "other", [0.5, 0.25], {"k": 1}, NOON)
    assert [field.name for field in dataclasses.fields(old)] == [
        "id",
        "content",
        "embedding",
        "metadata",
        "created_at",
    ]


def test_a_naive_time_is_utc_and_comes_back_naive():
    modern = VectorDocument("a", "text", [1.0], {}, NOON).to_modular_document("documents")
    assert modern.created_at == NOON.replace(tzinfo=UTC)
    assert VectorDocument.from_modular_document(modern).created_at == NOON


def test_an_aware_time_keeps_its_instant():
    there = datetime(2024, 2, 29, 14, tzinfo=timezone(timedelta(hours=2)))
    modern = VectorDocument("a", "text", [1.0], {}, there).to_modular_document()
    assert modern.created_at == there
    assert VectorDocument.from_modular_document(modern).created_at == there.astimezone(UTC).replace(
        tzinfo=None
    )


def test_naive_times_in_metadata_become_aware_at_any_depth():
    modern = VectorDocument("a", "", [1.0], {"at": NOON, "in": [{"at": NOON}], "pair": (1, NOON)})
    aware = NOON.replace(tzinfo=UTC)
    assert modern.to_modular_document().metadata == {"at": aware, "in": [{"at": aware}], "pair": [1, aware]}


def test_metadata_of_none_is_empty():
    assert VectorDocument("a", "", [1.0], None).to_modular_document().metadata == {}


@given(
    st.text(min_size=1),
    st.text(),
    st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=8),
    st.dictionaries(st.text(min_size=1), st.integers() | st.text() | st.none() | st.booleans()),
    st.datetimes(),
)
def test_a_document_survives_the_way_to_the_new_shape_and_back(one, content, embedding, metadata, created_at):
    old = VectorDocument(one, content, embedding, metadata, created_at)
    assert VectorDocument.from_modular_document(old.to_modular_document("c")) == old
    assert old.to_modular_document("c").collection == "c"
    assert old.to_modular_document().collection == "default"


def test_a_result_keeps_its_document_score_and_distance(memory):
    memory.add_documents([ModernDocument(id="a", embedding=[3, 4], content="text", metadata={"k": 1})])
    (modern,) = memory.search_similar(ModernQuery(query_vector=[0, 0], include_embedding=True))
    old = SimilarityResult.from_modular_result(modern)
    assert (old.document.id, old.document.embedding, old.document.metadata) == ("a", [3.0, 4.0], {"k": 1})
    assert (old.similarity_score, old.distance) == (modern.similarity_score, modern.distance)


# ── one collection ──


def test_the_collection_takes_the_dimension_of_its_first_documents(beneath):
    async def work(store):
        await store.add_documents([document("a", [1.0] * 7)])
        return await store.get_document("a")

    assert run(beneath, work).embedding == [1.0] * 7


def test_a_collection_without_documents_reads_as_empty(beneath):
    async def work(store):
        return [
            await store.get_document("a"),
            await store.update_document(document("a")),
            await store.delete_document("a"),
            await store.similarity_search([1.0, 0.0]),
            await store.clear_collection(),
            await store.add_documents([]),
            (await store.get_collection_stats())["document_count"],
        ]

    assert run(beneath, work) == [None, False, False, [], True, [], 0]


def test_every_old_call_works(beneath):
    async def work(store):
        await store.add_documents([document("a"), document("b", [0.0, 1.0], metadata={"k": 1})])
        answers = [
            await store.update_document(VectorDocument("a", "new", [1.0, 0.0], {"k": 2})),
            await store.update_document(document("no")),
            (await store.get_document("a")).content,
            [one.document.id for one in await store.similarity_search([1.0, 0.1])],
            [one.document.id for one in await store.similarity_search([1.0, 0.1], 1, 0.0)],
            [one.document.id for one in await store.similarity_search([1.0, 0.1], 10, 0.0, {"k": 1})],
            [one.document.id for one in await store.similarity_search([1.0, 0.1], 10, 0.0, F("k") > 1)],
            await store.delete_document("a"),
            await store.delete_document("a"),
            await store.get_collection_stats(),
            await store.clear_collection(),
            (await store.get_collection_stats())["document_count"],
        ]
        return answers, beneath.store.backend if isinstance(beneath, SyncVectorStore) else beneath.backend

    answers, backend = run(beneath, work)
    stats = {"collection_name": "documents", "document_count": 1, "storage_type": backend}
    assert answers == [True, False, "new", ["a"], ["a"], ["b"], ["a"], True, False, stats, True, 0]


def test_a_found_document_carries_its_embedding_as_a_list(beneath):
    async def work(store):
        await store.add_documents([document("a", metadata={"k": [1]}, created_at=NOON)])
        return await store.similarity_search([1.0, 0.0])

    (result,) = run(beneath, work)
    assert result.document == VectorDocument("a", "text a", [1.0, 0.0], {"k": [1]}, NOON)
    assert (result.similarity_score, result.distance) == (pytest.approx(1), pytest.approx(0, abs=1e-6))


def test_a_naive_time_in_metadata_is_found_by_a_naive_time_in_a_filter(beneath):
    async def work(store):
        await store.add_documents(
            [document("a", metadata={"at": NOON}), document("b", metadata={"at": None})]
        )
        found = await store.similarity_search([1.0, 0.0], 10, 0.0, {"at": {"$gte": NOON}})
        return [one.document.id for one in found]

    assert run(beneath, work) == ["a"]


def test_of_two_documents_with_one_id_the_later_counts(beneath):
    async def work(store):
        ids = await store.add_documents(
            [document("a"), document("b"), VectorDocument("a", "later", [0.0, 1.0])]
        )
        return ids, (await store.get_document("a")).content

    assert run(beneath, work) == (["a", "b"], "later")


def test_new_documents_are_welcome_too(beneath):
    async def work(store):
        await store.add_documents([ModernDocument(id="new", embedding=[1, 0], title="t"), document("old")])
        await store.update_document(ModernDocument(id="old", embedding=[1, 0], content="newer"))
        return (await store.get_document("old")).content, (await store.get_document("new")).id

    assert run(beneath, work) == ("newer", "new")


def test_old_and_new_code_see_the_same_documents(beneath):
    async def work(store):
        await store.add_documents([document("a", metadata={"by": "old"})])
        return store.modular_store

    async def modern(store):
        await store.add_documents([ModernDocument(id="b", embedding=[1, 0], collection="documents")])
        return [one.id async for one in store.iter_documents(collection="documents")]

    async def both():
        old = VectorStore("documents", beneath)
        await old.initialize()
        assert await work(old) is beneath
        if isinstance(beneath, SyncVectorStore):
            beneath.add_documents([ModernDocument(id="b", embedding=[1, 0], collection="documents")])
            ids = [one.id for one in beneath.iter_documents(collection="documents")]
        else:
            ids = await modern(beneath)
            assert (await old.get_document("b")).metadata == {}
            await beneath.close()
        return ids

    assert asyncio.run(both()) == ["a", "b"]


def test_first_documents_of_several_dimensions_make_no_collection(beneath):
    async def work(store):
        with pytest.raises(InvalidVectorError, match=r"2 \(document 'a'\), 3 \(document 'b'\)"):
            await store.add_documents([document("a", [1.0, 0.0]), document("b", [1.0, 0.0, 0.0])])
        await store.add_documents([document("b", [1.0, 0.0, 0.0])])
        return (await store.get_document("b")).embedding

    assert run(beneath, work) == [1.0, 0.0, 0.0]


def test_without_an_embedding_the_embedder_decides_the_dimension():
    async def work(store):
        await store.add_documents([VectorDocument("a", "abc")])
        return (await store.get_document("a")).embedding

    assert run(MemoryStore(MemoryConfig(), embedder=Words()), work) == [3.0, 1.0]


def test_without_embedding_and_embedder_the_document_is_named(beneath):
    async def work(store):
        with pytest.raises(InvalidVectorError, match="'a': embedding is missing"):
            await store.add_documents([VectorDocument("a", "abc")])

    run(beneath, work)


def test_errors_are_raised_and_never_turned_into_empty_answers(beneath):
    async def work(store):
        await store.add_documents([document("a")])
        with pytest.raises(InvalidDocumentError):
            await store.add_documents([VectorDocument("b", "", [1.0, 0.0], {"k": object()})])
        with pytest.raises(InvalidVectorError):
            await store.similarity_search([1.0, 0.0, 0.0])
        with pytest.raises(ValueError, match="limit"):
            await store.similarity_search([1.0, 0.0], 0)

    run(beneath, work)


def test_writers_that_race_for_a_new_collection_all_succeed(beneath):
    async def work(store):
        await asyncio.gather(*(store.add_documents([document(str(one))]) for one in range(8)))
        return (await store.get_collection_stats())["document_count"]

    assert run(beneath, work) == 8


def test_before_initialize_the_error_says_what_to_call():
    with pytest.raises(StoreClosedError, match=r"call initialize\(\) first"):
        asyncio.run(VectorStore("documents").get_document("a"))


def test_a_subclass_of_the_old_days_brings_its_own_store():
    class Old(VectorStore):
        def __init__(self, collection_name="default"):
            super().__init__(collection_name)

        async def initialize(self):
            self._modular_store = MemoryStore(MemoryConfig())
            await self._modular_store.initialize()

    async def main():
        store = Old("mine")
        await store.initialize()
        return await store.add_documents([document("a")])

    assert asyncio.run(main()) == ["a"]


def test_a_store_of_nothing_but_a_name_is_that_of_the_configuration(tmp_path, monkeypatch):
    (tmp_path / "pygent-vec.toml").write_text('[stores.main]\nbackend = "memory"\n')
    monkeypatch.chdir(tmp_path)

    async def main():
        store = VectorStore("documents")
        await store.initialize()
        await store.add_documents([document("a")])
        stats = await store.get_collection_stats()
        await store.close()
        with pytest.raises(StoreClosedError):
            await store.get_document("a")
        return stats

    assert asyncio.run(main()) == {
        "collection_name": "documents",
        "document_count": 1,
        "storage_type": "memory",
    }


# ── the manager ──


def with_manager(settings, work):
    async def main():
        manager = VectorStoreManager(settings)
        try:
            return await work(manager)
        finally:
            await manager.shutdown()

    return asyncio.run(main())


MEMORY = {"default_type": "memory"}
TWO = {"stores": {"default": {"backend": "memory"}, "other": {"backend": "memory"}}}


def test_a_store_is_got_without_initialize_and_is_the_same_each_time():
    async def work(manager):
        first, second = await asyncio.gather(manager.get_store("documents"), manager.get_store("documents"))
        assert first is second
        assert manager.stores == {"default:documents": first}
        await first.add_documents([document("a")])
        assert await (await manager.get_store("documents", "memory")).get_document("a")
        return manager.default_store_type

    assert with_manager(MEMORY, work) == "memory"


def test_collections_of_any_dimension_live_side_by_side():
    async def work(manager):
        for name, dimension in [("small", 2), ("old", 1536), ("large", 3072)]:
            store = await manager.get_store(name)
            await store.add_documents([document("a", [1.0] * dimension)])
        return {one["name"]: one["dimension"] for one in await manager.list_collections()}

    assert with_manager(MEMORY, work) == {"small": 2, "old": 1536, "large": 3072}


def test_the_collections_are_dicts_those_without_documents_too():
    async def work(manager):
        store = await manager.create_collection("b")
        await manager.create_collection("a")
        await store.add_documents([document("x")])
        return await manager.list_collections()

    assert with_manager(MEMORY, work) == [
        {"name": "a", "type": "memory", "document_count": 0},
        {
            "name": "b",
            "type": "memory",
            "document_count": 1,
            "dimension": 2,
            "distance_metric": "cosine",
        },
    ]


def test_a_deleted_collection_is_gone_and_can_come_again_in_another_dimension():
    async def work(manager):
        store = await manager.get_store("documents")
        await store.add_documents([document("a")])
        assert await manager.delete_collection("documents") is True
        assert await manager.delete_collection("documents") is False
        assert await manager.list_collections() == []
        again = await manager.get_store("documents")
        await again.add_documents([document("a", [1.0, 0.0, 0.0])])
        return (await store.get_document("a")).embedding

    assert with_manager(MEMORY, work) == [1.0, 0.0, 0.0]


def test_metrics_count_collections_documents_and_stores():
    async def work(manager):
        await (await manager.get_store("documents")).add_documents([document("a"), document("b")])
        return await manager.get_metrics()

    metrics = with_manager(TWO, work)
    assert [metrics[key] for key in ("total_collections", "total_documents", "active_stores", "errors")] == [
        1,
        2,
        2,
        {},
    ]
    assert [one["name"] for one in metrics["collections"]] == ["documents"]


def test_an_unknown_type_of_store_lists_those_that_are_configured():
    async def work(manager):
        with pytest.raises(ConfigError, match=r"'faiss' is configured; configured: default \(memory\)"):
            await manager.get_store("documents", "faiss")

    with_manager(MEMORY, work)


def test_a_route_of_the_new_manager_counts_for_old_code():
    settings = {**TWO, "routes": [{"collection": "logs", "store": "other"}]}

    async def work(manager):
        await (await manager.get_store("logs")).add_documents([document("a")])
        store = await manager.modular_manager.get_store("other")
        return await store.count_documents(collection="logs")

    assert with_manager(settings, work) == 1


def test_a_collection_without_documents_is_listed_where_its_route_leads():
    settings = {**TWO, "routes": [{"collection": "logs", "store": "other"}]}

    async def work(manager):
        await manager.get_store("logs")
        await manager.get_store("documents")
        return [one["name"] for one in await manager.list_collections()]

    assert with_manager(settings, work) == ["documents"]


def test_a_new_manager_is_shared_and_stays_open():
    async def main():
        async with ModernManager(MEMORY) as modern:
            old = VectorStoreManager(modern)
            assert old.modular_manager is modern
            await (await old.get_store("documents")).add_documents([document("a")])
            await old.shutdown()
            return await modern.count_documents(collection="documents")

    assert asyncio.run(main()) == 1


# ── what old code is told ──


@pytest.mark.filterwarnings("default::DeprecationWarning")
def test_each_old_call_names_the_new_one_once():
    async def work():
        manager = VectorStoreManager(MEMORY)
        for _ in range(2):
            store = await manager.get_store("documents")
            await store.add_documents([document("a")])
            await store.get_document("a")
            await store.similarity_search([1.0, 0.0])
        await manager.shutdown()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(work())
    told = [str(one.message) for one in caught if issubclass(one.category, DeprecationWarning)]
    assert told == [
        "VectorStoreManager of the old interface is deprecated; use pygent_vec.VectorStoreManager",
        "get_store of the old interface is deprecated; use VectorStoreManager.get_store(store_name)",
        "add_documents of the old interface is deprecated; use VectorStore.add_documents",
        "get_document of the old interface is deprecated; use VectorStore.get_document",
        "similarity_search is deprecated; use VectorStore.search_similar(VectorQuery(…))",
    ]
    assert {one.filename for one in caught} == {__file__}


def test_a_store_got_from_a_manager_shares_its_warnings():
    async def work():
        manager = VectorStoreManager(MEMORY)
        for name in ("a", "b"):
            await (await manager.get_store(name)).add_documents([document("x")])
        await manager.shutdown()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(work())
    assert len([one for one in caught if "add_documents" in str(one.message)]) == 1


def test_a_store_that_is_made_by_hand_names_the_new_call():
    with pytest.warns(
        DeprecationWarning, match="VectorStore of the old interface .* use pygent_vec.open_store"
    ):
        VectorStore("documents")
    with pytest.warns(DeprecationWarning, match="open_store") as told:
        legacy.PostgreSQLVectorStore(None, "documents")
    assert [str(one.message) for one in told] == [
        'PostgreSQLVectorStore is deprecated; use pygent_vec.open_store("postgresql", …)'
    ]


def test_the_old_names_are_all_there():
    assert {
        "DistanceMetric",
        "ModularVectorDocument",
        "ModularVectorQuery",
        "ModularVectorSearchResult",
        "ModularVectorStore",
        "ModularVectorStoreManager",
        "PostgreSQLVectorStore",
        "SimilarityResult",
        "VectorDocument",
        "VectorStore",
        "VectorStoreManager",
        "VectorStoreType",
    } <= set(legacy.__all__)

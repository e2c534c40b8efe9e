"""Searches of Chroma give the contract's answers, by its graph and beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from pygent_vec import DistanceMetric, F, IndexSpec, VectorBatch, VectorQuery
from pygent_vec.model import distances_to
from pygent_vec.sync import SyncVectorStore
from pygent_vec_chroma import reading, searching
from pygent_vec_chroma.config import ChromaConfig
from pygent_vec_chroma.store import ChromaStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pygent_vec import VectorSearchResult
    from pygent_vec.filters import Filter
    from pygent_vec.model import Float32Matrix
    from pygent_vec_chroma.catalogue import Handle
    from pygent_vec_chroma.driver import Include, NativeRows

ROWS, DIMENSION = 4_500, 16
METRICS = list(DistanceMetric)
IDS = [f"d{row:05}" for row in range(ROWS)]


@pytest.fixture(params=["compared", "graph"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small collection is compared one by one, or searched as a large one is."""
    if request.param == "graph":
        monkeypatch.setattr(searching, "_few_ids", lambda handle: None)


def _vectors() -> Float32Matrix:
    draw = np.random.default_rng(7)
    centres = draw.standard_normal((30, DIMENSION)) * 3
    noise = draw.standard_normal((ROWS, DIMENSION))
    return (centres[draw.integers(0, 30, ROWS)] + noise).astype(np.float32)


VECTORS = _vectors()
QUERIES = VECTORS[::900] + np.float32(0.1)


@pytest.fixture(scope="module")
def store() -> Iterator[SyncVectorStore]:
    """A store with the same rows in a collection of each metric."""
    with SyncVectorStore(ChromaStore(ChromaConfig())) as made:
        for metric in METRICS:
            made.create_collection(metric.value, DIMENSION, metric)
            made.add_batch(
                VectorBatch(
                    ids=IDS,
                    vectors=VECTORS,
                    contents=[f"text {row}" for row in range(ROWS)],
                    metadatas=[{"row": row, "even": row % 2 == 0} for row in range(ROWS)],
                    collection=metric.value,
                )
            )
        yield made


def _nearest(metric: DistanceMetric, query: np.ndarray, rows: range, k: int) -> list[tuple[str, float]]:
    distances = distances_to(metric, query, VECTORS[rows.start : rows.stop : rows.step])
    order = sorted(range(len(rows)), key=lambda place: (distances[place], IDS[rows[place]]))[:k]
    return [(IDS[rows[place]], float(distances[place])) for place in order]


def _agrees(found: list[VectorSearchResult], wanted: list[tuple[str, float]]) -> None:
    assert [one.document.id for one in found] == [name for name, _ in wanted]
    assert [one.distance for one in found] == pytest.approx([far for _, far in wanted], rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        (None, range(ROWS)),
        (F("row") < 7, range(7)),
        (F("row") < 1_500, range(1_500)),
        (F("row") >= 1_000, range(1_000, ROWS)),
        (F("even") == True, range(0, ROWS, 2)),  # noqa: E712  # builds a filter
        (F("@id").is_in(IDS[::3]), range(0, ROWS, 3)),
    ],
    ids=["all", "seven", "few", "many", "even", "ids"],
)
def test_an_exact_search_gives_the_true_nearest(
    store: SyncVectorStore, metric: DistanceMetric, condition: Filter | None, rows: range
) -> None:
    for query in QUERIES:
        found = store.search_similar(
            VectorQuery(
                query_vector=query, collection=metric.value, limit=12, metadata_filter=condition, exact=True
            )
        )
        _agrees(found, _nearest(metric, query, rows, 12))


@pytest.mark.parametrize("metric", METRICS)
def test_few_matching_documents_are_compared_exactly(store: SyncVectorStore, metric: DistanceMetric) -> None:
    for query in QUERIES:
        found = store.search_similar(
            VectorQuery(query_vector=query, collection=metric.value, metadata_filter=F("row") < 1_500)
        )
        _agrees(found, _nearest(metric, query, range(1_500), 10))


def test_vectors_of_this_process_are_not_asked_of_chroma(monkeypatch: pytest.MonkeyPatch) -> None:
    def columns(handle: Handle, ids: Sequence[str], include: Include) -> NativeRows:
        assert not include.vectors
        return reading.columns(handle, ids, include)

    monkeypatch.setattr(searching, "columns", columns)
    with SyncVectorStore(ChromaStore(ChromaConfig())) as store:
        store.create_collection("default", DIMENSION, DistanceMetric.EUCLIDEAN)
        rows = [{"row": row} for row in range(3_000)]
        store.add_batch(VectorBatch(ids=IDS[:3_000], vectors=VECTORS[:3_000], metadatas=rows))
        found = store.search_similar(VectorQuery(query_vector=QUERIES[0], metadata_filter=F("row") < 1_500))
    _agrees(found, _nearest(DistanceMetric.EUCLIDEAN, QUERIES[0], range(1_500), 10))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("least", [0, 500], ids=["unfiltered", "filtered"])
def test_the_graph_finds_nearly_all_with_the_contracts_distances(
    store: SyncVectorStore, metric: DistanceMetric, least: int
) -> None:
    condition = None if not least else F("row") >= least
    hits = 0
    for query in QUERIES:
        found = store.search_similar(
            VectorQuery(query_vector=query, collection=metric.value, metadata_filter=condition)
        )
        truth = _nearest(metric, query, range(least, ROWS), 10)
        far = {one.document.id: one.distance for one in found}
        wanted = distances_to(metric, query, VECTORS[[int(name[1:]) for name in far]])
        assert list(far.values()) == pytest.approx(wanted.tolist(), rel=1e-5, abs=1e-5)
        assert len(found) == 10
        hits += len(far.keys() & {name for name, _ in truth})
    assert hits >= 0.9 * 10 * len(QUERIES)


@pytest.mark.parametrize("metric", METRICS)
def test_a_query_by_another_metric_is_answered_by_that(
    store: SyncVectorStore, metric: DistanceMetric
) -> None:
    query = VectorQuery(query_vector=QUERIES[1], collection="cosine", limit=5, distance_metric=metric)
    if metric is not DistanceMetric.COSINE:
        _agrees(store.search_similar(query), _nearest(metric, QUERIES[1], range(ROWS), 5))


def test_a_limit_beyond_chromas_statements_is_met(store: SyncVectorStore) -> None:
    for condition, rows in ((None, range(ROWS)), (F("row") >= 100, range(100, ROWS))):
        query = VectorQuery(
            query_vector=QUERIES[0], collection="euclidean", limit=10_000, metadata_filter=condition
        )
        found = store.search_similar(query)
        assert len(found) == len(rows)
        assert found[0].document.content == f"text {found[0].document.metadata['row']}"


def test_many_queries_of_one_call_each_get_their_own_answer(store: SyncVectorStore) -> None:
    queries = [VectorQuery(query_vector=one, collection="cosine", limit=5) for one in VECTORS[:300]]
    answers = store.search_many(queries)
    alone = [store.search_similar(one) for one in queries[::50]]
    assert [[one.document.id for one in answer] for answer in answers[::50]] == [
        [one.document.id for one in answer] for answer in alone
    ]
    first = sum(answer[0].document.id == name for answer, name in zip(answers, IDS, strict=False))
    assert first >= 0.97 * len(queries)


@pytest.mark.usefixtures("way")
def test_vectors_far_from_the_origin_have_exact_distances() -> None:
    """Chroma subtracts squares in float32, which leaves nothing of a small distance between large vectors."""
    vectors = np.array([[1e4, 1e4, step / 1024] for step in range(50)], dtype=np.float32)
    with SyncVectorStore(ChromaStore(ChromaConfig())) as store:
        for metric in (DistanceMetric.EUCLIDEAN, DistanceMetric.DOT_PRODUCT):
            store.create_collection(metric.value, 3, metric)
            store.add_batch(VectorBatch(ids=IDS[:50], vectors=vectors, collection=metric.value))
            query = VectorQuery(query_vector=vectors[7], collection=metric.value, limit=50)
            wanted = dict(zip(IDS, distances_to(metric, vectors[7], vectors).tolist(), strict=False))
            for one in store.search_similar(query):
                assert one.distance == pytest.approx(wanted[one.document.id], rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("filtered", [True, False], ids=["filtered", "unfiltered"])
def test_an_answer_follows_every_write(*, filtered: bool) -> None:
    """What is kept in memory for exact searches is never older than the last write."""
    with SyncVectorStore(ChromaStore(ChromaConfig())) as store:
        store.create_collection("default", 2, DistanceMetric.EUCLIDEAN)
        query = VectorQuery(query_vector=[0, 0], limit=1, metadata_filter=F("k") == 1 if filtered else None)

        def nearest() -> tuple[str, float] | None:
            found = store.search_similar(query)
            return (found[0].document.id, found[0].distance) if found else None

        def put(name: str, far: float) -> None:
            vectors = np.array([[far, 0]], dtype=np.float32)
            store.add_batch(VectorBatch(ids=[name], vectors=vectors, metadatas=[{"k": 1}]))

        put("a", 5)
        assert nearest() == ("a", 5)
        put("a", 3)
        assert nearest() == ("a", 3)
        put("b", 1)
        assert nearest() == ("b", 1)
        store.delete_documents(["b"])
        assert nearest() == ("a", 3)
        store.delete_where({"k": 1})
        assert nearest() is None
        put("a", 4)
        assert nearest() == ("a", 4)


def test_a_tuned_effort_meets_its_target_and_outlives_the_store(tmp_path: Path) -> None:
    """The graph is made so poor that only more effort helps."""
    draw = np.random.default_rng(3)
    vectors = draw.standard_normal((3_000, 24)).astype(np.float32)
    config = ChromaConfig(path=tmp_path / "store")
    index = IndexSpec("hnsw", options={"m": 4, "ef_construction": 10, "ef_search": 10})
    with SyncVectorStore(ChromaStore(config)) as store:
        store.create_collection("default", 24, DistanceMetric.EUCLIDEAN, index=index)
        store.add_batch(VectorBatch(ids=IDS[:3_000], vectors=vectors))
        poor = store.optimize(target_recall=0.01)
        rich = store.optimize(target_recall=1.0)
        assert poor.effort == 10
        assert rich.effort == 160
        assert poor.recall is not None
        assert rich.recall is not None
        assert rich.recall > poor.recall + 0.1
    with SyncVectorStore(ChromaStore(config)) as store:
        assert store.optimize().effort == 160
        assert store.get_collection_info("default").index == index


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("metric", METRICS)
def test_ties_at_the_last_place_go_to_the_smallest_ids(metric: DistanceMetric) -> None:
    names = [f"{7 * row % 40:02}" for row in range(40)]
    vectors = np.array([[1, 2, 3]] * 40, dtype=np.float32)
    with SyncVectorStore(ChromaStore(ChromaConfig())) as store:
        store.create_collection("default", 3, metric)
        store.add_batch(VectorBatch(ids=names, vectors=vectors))
        for limit in (1, 3, 39, 40):
            found = store.search_similar(VectorQuery(query_vector=[3, 2, 1], limit=limit))
            assert [one.document.id for one in found] == sorted(names)[:limit]


def test_a_collection_that_grows_large_is_searched_by_the_graph() -> None:
    with SyncVectorStore(ChromaStore(ChromaConfig())) as store:
        store.create_collection("default", DIMENSION, DistanceMetric.EUCLIDEAN)
        for rows in (range(900), range(900, 2_000)):
            part = slice(rows.start, rows.stop)
            store.add_batch(VectorBatch(ids=IDS[part], vectors=VECTORS[part]))
            found = store.search_similar(VectorQuery(query_vector=VECTORS[rows.stop - 1], limit=1))
            assert [one.document.id for one in found] == [IDS[rows.stop - 1]]
        handle = store.store._catalogue.find("default")
        assert handle.large


def test_more_results_than_chroma_can_be_asked_for_are_compared(store: SyncVectorStore) -> None:
    """What core must filter itself makes it ask for eight times the limit."""
    query = VectorQuery(
        query_vector=QUERIES[0], collection="euclidean", limit=3_000, metadata_filter=~(F("row") < 1_000)
    )
    found = store.search_similar(query)
    _agrees(found, _nearest(DistanceMetric.EUCLIDEAN, QUERIES[0], range(1_000, ROWS), 3_000))

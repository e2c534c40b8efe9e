"""Tuning: the cheapest search effort that reaches the recall that was asked for."""

import threading

import attrs
import numpy as np
import pytest

from pygent_vec import ConfigError, IndexSpec, SyncVectorStore, UnsupportedFeatureError, VectorBatch
from pygent_vec.contract import SearchHits, Tuning
from pygent_vec.model import DocumentRows
from pygent_vec.stores import MEMORY_CAPABILITIES, MemoryConfig, MemoryStore


class ApproximateStore(MemoryStore):
    """Misses hits: of the ten nearest it finds one at the effort 1, two at 2, …, and all at 10."""

    def __init__(self, config, efforts=(1, 4, 7, 9, 10), ceiling=10):
        super().__init__(config)
        self.efforts, self.ceiling = efforts, ceiling
        self.effort = efforts[0] if efforts else None
        self.kept, self.tried, self.built = [], [], 0
        self._guard = threading.Lock()

    @property
    def capabilities(self):
        return attrs.evolve(MEMORY_CAPABILITIES, tuning=True)

    def _search(self, spec, request):
        answers = super()._search(spec, attrs.evolve(request, k=request.k * 3))
        if request.exact:
            return [self._cut(hits, range(request.k)) for hits in answers]
        effort = request.effort or self.effort or self.ceiling
        self.tried.append(effort)
        good = min(effort, self.ceiling)
        rows = [*range(good), *range(request.k + good, 3 * request.k)]
        return [self._cut(hits, rows[: request.k]) for hits in answers]

    @staticmethod
    def _cut(hits, rows):
        rows = [row for row in rows if row < len(hits.rows)]
        return SearchHits(
            rows=DocumentRows(ids=[hits.rows.ids[row] for row in rows]), distances=hits.distances[rows]
        )

    def _build_index(self, spec):
        self.built += 1
        return IndexSpec("graph")

    def _tuning(self, spec):
        return Tuning(efforts=self.efforts, effort=self.effort)

    def _set_effort(self, spec, effort):
        self.kept.append(effort)
        self.effort = effort


def tuned(target, rows=300, **changes):
    approximate = ApproximateStore(MemoryConfig(), **changes)
    with SyncVectorStore(approximate) as store:
        store.create_collection("default", 4)
        vectors = np.random.default_rng(5).standard_normal((rows, 4), dtype=np.float32)
        store.add_batch(VectorBatch(ids=[f"{row:04}" for row in range(rows)], vectors=vectors))
        return approximate, store.optimize(target_recall=target)


@pytest.mark.parametrize(
    ("target", "effort", "recall"),
    [(0.05, 1, 0.1), (0.1, 1, 0.1), (0.5, 7, 0.7), (0.9, 9, 0.9), (1.0, 10, 1.0)],
)
def test_the_cheapest_effort_that_meets_the_target_is_kept(target, effort, recall):
    approximate, report = tuned(target)
    assert approximate.kept == [effort]
    assert report.effort == effort
    assert report.recall == pytest.approx(recall)
    assert report.target_recall == target
    assert (report.collection, report.index.kind, report.document_count) == ("default", "graph", 300)


def test_dearer_efforts_are_not_tried():
    approximate, _ = tuned(0.5)
    assert approximate.tried == [1, 4, 7]


def test_a_target_out_of_reach_keeps_the_highest_effort_and_says_what_it_has():
    approximate, report = tuned(0.95, ceiling=6)
    assert approximate.kept == [10]
    assert (report.effort, report.recall) == (10, pytest.approx(0.6))


def test_without_a_target_the_index_is_built_and_nothing_is_tuned():
    approximate, report = tuned(None)
    assert (approximate.built, approximate.kept, approximate.tried) == (1, [], [])
    assert report.recall is None
    assert report.effort == 1


def test_an_index_without_efforts_reports_the_recall_that_it_has():
    approximate, report = tuned(0.9, efforts=())
    assert approximate.kept == []
    assert (report.effort, report.recall) == (None, pytest.approx(1.0))


def test_an_empty_collection_has_no_recall_to_measure():
    approximate, report = tuned(0.9, rows=0)
    assert report.recall is None
    assert approximate.kept == []


def test_duplicates_do_not_read_as_misses():
    class Twins(ApproximateStore):
        def _search(self, spec, request):
            answers = MemoryStore._search(self, spec, attrs.evolve(request, k=request.k * 2))
            return [self._cut(hits, range(10) if request.exact else range(10, 20)) for hits in answers]

    with SyncVectorStore(Twins(MemoryConfig())) as store:
        store.create_collection("default", 4)
        store.add_batch(
            VectorBatch(ids=[str(row) for row in range(40)], vectors=np.ones((40, 4), np.float32))
        )
        assert store.optimize(target_recall=0.9).recall == pytest.approx(1.0)


@pytest.mark.parametrize("target", [0, -0.5, 1.01, float("nan"), True, "0.9"])
def test_a_target_that_means_nothing_is_refused(target):
    with pytest.raises(ConfigError, match="use a number above 0, up to 1, or None"):
        tuned(target)


def test_a_backend_without_efforts_refuses_a_target_and_builds_without_one(store):
    with pytest.raises(UnsupportedFeatureError, match=r"no search effort to tune; call optimize.. without"):
        store.optimize(target_recall=0.9)
    assert store.optimize().index == IndexSpec("flat")

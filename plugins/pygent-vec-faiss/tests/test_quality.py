"""What searches find: recall@k by distance, under filters of any selectivity, with dead slots and a tail."""

import faiss
import numpy as np
import pytest

from pygent_vec import DistanceMetric, F, SyncVectorStore, VectorBatch, VectorQuery
from pygent_vec_faiss.config import FaissConfig
from pygent_vec_faiss.store import FaissStore

D = 64
CLUSTERS = 100
INDEXED, TAIL = 16_000, 1_500
LIMITS = (1, 10, 100)
QUERIES = 12
SHARES = (0.5, 0.1, 0.01, 0.001, 0.0001)
METRICS = list(DistanceMetric)
KINDS = ["flat", "hnsw", "ivf_flat", "auto"]


@pytest.fixture(autouse=True)
def one_thread():
    """Teams of threads on a busy machine take longer than one."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    yield
    faiss.omp_set_num_threads(threads)


def opened(path):
    return SyncVectorStore(FaissStore(FaissConfig(path=path, background=False)))


def clustered(seed, count):
    """Return vectors around centers, of lengths from 0.5 to 2, and the cluster of each."""
    random = np.random.default_rng(seed)
    centers = np.random.default_rng(0).standard_normal((CLUSTERS, D))
    labels = random.integers(0, CLUSTERS, count)
    lengths = random.uniform(0.5, 2, (count, 1))
    return ((centers[labels] + 0.5 * random.standard_normal((count, D))) * lengths).astype(np.float32), labels


def distances_of(metric, query, vectors):
    """Return distances by the contract's table, written anew."""
    q, v = query.astype(np.float64), vectors.astype(np.float64)
    if metric is DistanceMetric.COSINE:
        return 1 - (v @ q) / np.linalg.norm(v, axis=1) / np.linalg.norm(q)
    if metric is DistanceMetric.EUCLIDEAN:
        return np.linalg.norm(v - q, axis=1)
    if metric is DistanceMetric.DOT_PRODUCT:
        return -(v @ q)
    return np.abs(v - q).sum(axis=1)


class Collection:
    """A store with dead slots and an unindexed tail, and what it holds."""

    def __init__(self, store, metric, kind):
        self.store, self.metric, self.kind = store, metric, kind
        vectors, labels = clustered(1, INDEXED + TAIL)
        store.create_collection("default", D, metric, index=kind)
        self._add(vectors[:INDEXED], labels[:INDEXED], 0)
        store.optimize()
        self._add(vectors[INDEXED:], labels[INDEXED:], INDEXED)
        self._add(vectors[TAIL : TAIL + 500][::-1].copy(), labels[TAIL : TAIL + 500][::-1], 1_000)
        vectors[1_000:1_500] = vectors[TAIL : TAIL + 500][::-1].copy()
        labels[1_000:1_500] = labels[TAIL : TAIL + 500][::-1].copy()
        dead = np.arange(0, INDEXED, 11)
        store.delete_documents([f"{one:06}" for one in dead])
        self.alive = np.ones(len(vectors), np.bool_)
        self.alive[dead] = False
        self.vectors, self.labels = vectors, labels
        self.draw = self._draw(len(vectors))
        parts = store.store._collections["default"].parts
        assert parts.slots.dead > 1_000
        assert (parts.index is None) == (kind in {"flat", "auto"})
        assert parts.index is None or len(parts.slots) - parts.index.count == TAIL + 500

    @staticmethod
    def _draw(count):
        return np.random.default_rng(2).permutation(count)

    def _add(self, vectors, labels, first):
        draw = self._draw(INDEXED + TAIL)[first : first + len(vectors)].tolist()
        self.store.add_batch(
            VectorBatch(
                ids=[f"{first + row:06}" for row in range(len(vectors))],
                vectors=vectors,
                metadatas=[
                    {"cluster": label, "draw": one} for label, one in zip(labels.tolist(), draw, strict=True)
                ],
            )
        )

    def filters(self):
        """Return filters and their masks: random ones, and ones that follow the clusters."""
        yield None, self.alive
        total = len(self.vectors)
        for share in SHARES:
            bound = max(2, int(share * total))
            yield F("draw") < bound, self.alive & (self.draw < bound)
            clusters = max(1, int(share * CLUSTERS))
            condition, mask = F("cluster") < clusters, self.labels < clusters
            if share < 1 / CLUSTERS:
                bound = int(share * CLUSTERS * total)
                condition, mask = condition & (F("draw") < bound), mask & (self.draw < bound)
            yield condition, self.alive & mask

    def check(self, queries):
        """Compare every filter and limit with the truth; return the recall at each limit."""
        truth = [distances_of(self.metric, query, self.vectors) for query in queries]
        worst = {}
        for number, (condition, mask) in enumerate(self.filters()):
            members = {f"{row:06}" for row in np.flatnonzero(mask).tolist()}
            for limit in LIMITS:
                wanted = min(limit, len(members))
                found = self.store.search_many(
                    [
                        VectorQuery(query_vector=query, limit=limit, metadata_filter=condition)
                        for query in queries
                    ]
                )
                shares = []
                for distances, results in zip(truth, found, strict=True):
                    assert len(results) == wanted
                    got = [one.document.id for one in results]
                    assert len(set(got)) == wanted
                    assert members.issuperset(got)
                    mine = np.array([one.distance for one in results])
                    np.testing.assert_allclose(
                        mine, distances[[int(one) for one in got]], rtol=1e-5, atol=1e-5
                    )
                    assert [(one.distance, one.document.id) for one in results] == sorted(
                        (one.distance, one.document.id) for one in results
                    )
                    if wanted:
                        bound = np.partition(distances[mask], wanted - 1)[wanted - 1]
                        shares.append((mine <= bound + 1e-5 * max(1, abs(bound))).mean())
                worst[number, limit] = np.mean(shares) if shares else 1.0
        return worst


def check_recall(worst, metric, kind):
    # A graph over inner products of vectors of many lengths is the hardest case that there is.
    hard = kind == "hnsw" and metric is DistanceMetric.DOT_PRODUCT
    low = {key: value for key, value in worst.items() if value < (0.8 if hard and key[1] == 100 else 0.95)}
    assert not low


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", KINDS)
def test_recall_is_high_under_every_filter_and_no_result_is_missing(tmp_path, monkeypatch, metric, kind):
    queries, _ = clustered(7, QUERIES)
    with opened(tmp_path) as store:
        collection = Collection(store, metric, kind)
        found = collection.check(queries)
        check_recall(found, metric, kind)
        if kind in {"flat", "auto"}:
            assert set(found.values()) == {1.0}
            return
        # With costs that make a scan look dear, the index is asked wherever that is possible at all.
        monkeypatch.setattr("pygent_vec_faiss.search.policy._EXACT_ROWS", 1_000)
        monkeypatch.setattr("pygent_vec_faiss.search.policy._SCAN_ROW_SECONDS", 1.0)
        check_recall(collection.check(queries), metric, kind)


GROUPS, COPIES = 200, 25


def duplicated(store, kind, metric):
    """Fill a collection in which each of some vectors stands under many ids; return vectors and ids by group."""
    random = np.random.default_rng(0)
    originals, _ = clustered(3, GROUPS)
    others, _ = clustered(4, 6_000)
    vectors = np.concatenate([originals.repeat(COPIES, axis=0), others])
    ids = [f"{one:06}" for one in random.permutation(len(vectors))]
    places = random.permutation(len(vectors))  # copies come in any order, some before and some after others
    store.create_collection("default", D, metric, index=kind)
    store.add_batch(VectorBatch(ids=[ids[place] for place in places], vectors=vectors[places]))
    store.optimize()
    store.store._set_effort(store.store._collection("default"), 64)
    return originals, [sorted(ids[start : start + COPIES]) for start in range(0, GROUPS * COPIES, COPIES)]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", ["flat", "hnsw"])
def test_of_more_copies_than_wanted_those_with_the_smallest_ids_win(tmp_path, metric, kind):
    with opened(tmp_path) as store:
        originals, groups = duplicated(store, kind, metric)
        wanted = groups if metric is not DistanceMetric.DOT_PRODUCT else None
        for exact in (True, False):
            found = store.search_many(
                [VectorQuery(query_vector=one, limit=10, exact=exact) for one in originals]
            )
            got = [[one.document.id for one in results] for results in found]
            if wanted is None:  # a longer vector may have a larger product with another than with itself
                wanted = got
            if exact or kind == "flat":
                assert [sorted(one) for one in got] == [sorted(one[:10]) for one in wanted]
            else:
                same = sum(mine == its[:10] for mine, its in zip(got, wanted, strict=True))
                assert same >= 0.9 * GROUPS

"""Filters that a backend answers badly or not at all: slower, never different."""

from datetime import UTC, datetime
from zlib import crc32

import attrs
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from pygent_vec import DistanceMetric, F, SyncVectorStore, VectorDocument, VectorQuery
from pygent_vec.filters import Pushdown
from pygent_vec.stores import MemoryConfig, MemoryStore

from .doubles import GradedStore
from .strategies import near_metadatas, trees

YEAR_2000 = datetime(2000, 1, 1, tzinfo=UTC)
GRADES = {
    "none": lambda _: Pushdown.NONE,
    "superset": lambda _: Pushdown.SUPERSET,
    "a only": lambda one: Pushdown.EXACT if one.field.path[0] == "a" else Pushdown.NONE,
}


def random_grades(seed):
    kinds = tuple(Pushdown)
    return lambda comparison: kinds[crc32(f"{seed}{comparison!r}".encode()) % len(kinds)]


grades = st.sampled_from(list(GRADES.values())) | st.integers(0, 10**6).map(random_grades)


def filled(store, metadatas, dimension=2):
    """Return an open *store* with a document for each of *metadatas*, scattered over a small grid."""
    face = SyncVectorStore(store)
    face.initialize()
    face.create_collection("default", dimension, DistanceMetric.EUCLIDEAN)
    face.add_documents(
        [
            VectorDocument(
                id=f"{number * 7 % 1000:03}",
                content=f"text {number}",
                title="ab" if number % 2 else None,
                chunk_index=number % 3,
                embedding=[number % 4, number % 5],
                metadata=metadata,
            )
            for number, metadata in enumerate(metadatas)
        ]
    )
    return face


def without_times(results):
    return [
        attrs.evolve(
            result,
            store="",
            document=attrs.evolve(result.document, created_at=None, updated_at=None),
        )
        for result in results
    ]


queries = st.builds(
    VectorQuery,
    query_vector=st.sampled_from([[0, 0], [3, 4], [1.5, 2]]),
    limit=st.integers(1, 12),
    offset=st.integers(0, 4),
    similarity_threshold=st.none() | st.sampled_from([0.2, 0.25, 1 / 3, 0.5, 1.0]),
    include_metadata=st.booleans(),
    include_content=st.booleans(),
    include_embedding=st.booleans(),
    exact=st.booleans(),
    distance_metric=st.none() | st.just(DistanceMetric.MANHATTAN),
)


@settings(max_examples=120)
@given(
    metadatas=st.lists(near_metadatas, max_size=12),
    copies=st.integers(1, 4),
    node=trees(),
    grade=grades,
    query=queries,
)
def test_every_grade_of_backend_gives_the_reference_s_answers(metadatas, copies, node, grade, query):
    query = attrs.evolve(query, metadata_filter=node)
    wide = attrs.evolve(query, query_vector=[2, 2], limit=20, offset=0)
    reference = filled(MemoryStore(MemoryConfig()), metadatas * copies)
    graded = filled(GradedStore(MemoryConfig(), grade=grade), metadatas * copies)
    assert without_times(graded.search_similar(query)) == without_times(reference.search_similar(query))
    for mine, wanted in zip(
        graded.search_many([query, wide, query]), reference.search_many([query, wide, query]), strict=True
    ):
        assert without_times(mine) == without_times(wanted)
    assert graded.count_documents(filter=node) == reference.count_documents(filter=node)
    ids = [document.id for document in reference.iter_documents(filter=node)]
    assert [document.id for document in graded.iter_documents(filter=node, batch_size=3)] == ids
    assert graded.delete_where(node) == reference.delete_where(node) == len(ids)
    left = [document.id for document in reference.iter_documents()]
    assert [document.id for document in graded.iter_documents()] == left


@pytest.mark.parametrize("grade", GRADES.values(), ids=GRADES.keys())
def test_a_filter_never_costs_results_however_far_away_they_are(grade):
    """2,500 documents of which the farthest 20 match: beyond every widening, over several pages."""
    rows = [(f"{number:04}", [number, 0], {"b": number >= 2480}) for number in range(2500)]
    with SyncVectorStore(GradedStore(MemoryConfig(), grade=grade)) as store:
        store.create_collection("default", 2, DistanceMetric.EUCLIDEAN)
        store.add_documents(
            [VectorDocument(id=one, embedding=vector, metadata=metadata) for one, vector, metadata in rows]
        )
        query = VectorQuery(query_vector=[0, 0], limit=15, offset=10, metadata_filter=F("b") == True)  # noqa: E712  # builds a filter
        results = store.search_similar(query)
        assert [result.document.id for result in results] == [f"{number:04}" for number in range(2490, 2500)]
        assert [result.rank for result in results] == list(range(11, 21))
        assert store.count_documents(filter={"b": True}) == 20
        assert [one.id for one in store.iter_documents(filter={"b": True})] == [
            one for one, *_ in rows[2480:]
        ]
        assert store.delete_where({"b": False}) == 2480
        assert store.count_documents() == 20


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        (F("@id") < "c", 2),
        (F("@title") == "t1", 1),
        (F("@source") != "s0", 2),
        (F("@document_type").exists(), 3),
        (F("@chunk_index").is_in([0, 2]), 2),
        (F("@chunk_count") > 1, 3),
        (F("@created_at") == YEAR_2000, 3),
        (F("@created_at") > YEAR_2000, 0),
        (F("@updated_at") > YEAR_2000, 3),
        (~F("@updated_at").exists(), 0),
    ],
    ids=str,
)
@pytest.mark.parametrize("grade", GRADES.values(), ids=GRADES.keys())
def test_own_fields_are_filtered_by_core_as_by_the_reference(grade, condition, count):
    with SyncVectorStore(GradedStore(MemoryConfig(), grade=grade)) as store:
        store.create_collection("default", 1)
        store.add_documents(
            [
                VectorDocument(
                    id="abc"[number],
                    title=f"t{number}",
                    source=f"s{number}",
                    document_type="note",
                    chunk_index=number,
                    chunk_count=3,
                    created_at=YEAR_2000,
                    embedding=[1],
                )
                for number in range(3)
            ]
        )
        query = VectorQuery(query_vector=[1], metadata_filter=condition, include_metadata=False)
        assert store.count_documents(filter=condition) == len(store.search_similar(query)) == count
        assert len(list(store.iter_documents(filter=condition))) == count
        assert store.delete_where(condition) == count


class Wide(GradedStore):
    """Counts how it is searched."""

    def __init__(self, config, *, grade):
        super().__init__(config, grade=grade)
        self.asked = []
        self.scans = 0

    def _search(self, spec, request):
        self.asked.append(request.k)
        return super()._search(spec, request)

    def _scan(self, spec, after_id, limit, pushed, projection):
        self.scans += 1
        return super()._scan(spec, after_id, limit, pushed, projection)


def searched(matching, **changes):
    """Search for 5 of 400 documents on a line, those whose numbers are *matching*; return store and ids."""
    wide = Wide(MemoryConfig(), grade=GRADES["none"])
    with SyncVectorStore(wide) as store:
        store.create_collection("default", 1, DistanceMetric.EUCLIDEAN)
        documents = [
            VectorDocument(id=f"{number:03}", embedding=[number], metadata={"b": number in matching})
            for number in range(400)
        ]
        store.add_documents(documents)
        query = VectorQuery(**{"query_vector": [0], "limit": 5, "metadata_filter": {"b": True}, **changes})
        return wide, [int(result.document.id) for result in store.search_similar(query)]


def test_one_search_is_enough_where_enough_pass():
    wide, found = searched(range(400))
    assert (wide.asked, wide.scans, found) == ([5], 0, [0, 1, 2, 3, 4])


def test_a_wider_search_follows_where_too_few_pass():
    wide, found = searched(range(0, 400, 4))
    assert (len(wide.asked), wide.scans, found) == (2, 0, [0, 4, 8, 12, 16])


def test_every_document_is_compared_where_that_is_not_enough():
    wide, found = searched(range(390, 400))
    assert wide.scans
    assert found == [390, 391, 392, 393, 394]


def test_a_threshold_that_the_nearest_miss_ends_the_search():
    wide, found = searched(range(390, 400), similarity_threshold=0.5)
    assert (wide.asked, wide.scans, found) == ([5], 0, [])


def test_a_threshold_is_applied_to_what_passes_the_filter_before_the_limit():
    _, found = searched(range(0, 400, 3), similarity_threshold=1 / 13, limit=3, offset=1)
    assert found == [3, 6, 9]
    _, found = searched(range(0, 400, 3), similarity_threshold=1 / 13, limit=30)
    assert found == [0, 3, 6, 9, 12]


def test_metadata_that_only_the_filter_needed_is_not_returned():
    wide = GradedStore(MemoryConfig(), grade=GRADES["none"])
    with SyncVectorStore(wide) as store:
        store.create_collection("default", 1, DistanceMetric.EUCLIDEAN)
        store.add_documents([VectorDocument(id="a", title="t", embedding=[1], metadata={"b": 1})])
        (result,) = store.search_similar(
            VectorQuery(query_vector=[0], metadata_filter={"b": 1}, include_metadata=False)
        )
    assert result.document == VectorDocument(id="a", collection="default")


def test_the_exhaustive_scan_s_distances_are_the_search_s_bits():
    draw = np.random.default_rng(3)
    vectors = draw.standard_normal((300, 7), dtype=np.float32)
    documents = [
        VectorDocument(id=str(number), embedding=vector, metadata={"b": number % 50 == 0})
        for number, vector in enumerate(vectors)
    ]
    answers = []
    for kind in (MemoryStore(MemoryConfig()), GradedStore(MemoryConfig(), grade=GRADES["none"])):
        with SyncVectorStore(kind) as store:
            store.create_collection("default", 7)
            store.add_documents(documents)
            query = VectorQuery(query_vector=vectors[0], limit=4, metadata_filter={"b": True})
            answers.append([(one.document.id, one.distance) for one in store.search_similar(query)])
    assert answers[0] == answers[1]

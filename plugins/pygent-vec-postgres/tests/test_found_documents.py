"""What a search makes documents of at once is what it would have made columns of."""

import attrs
import numpy as np
import pytest

from pygent_vec.contract import SearchRequest
from pygent_vec.filters import parse_filter
from pygent_vec.model import DistanceMetric, Projection
from pygent_vec_postgres.searching import Searcher, gives_documents

from .harness import spec
from .lab import run
from .test_searching import Recorder, clustered, documents, indexed

WANTED = Projection(content=True, metadata=True, embedding=False)


def request(vector: np.ndarray, metric: DistanceMetric, **more: object) -> SearchRequest:
    asked = {"k": 10, "pushed": None, "exact": False, "projection": WANTED, **more}
    return SearchRequest(vectors=np.atleast_2d(vector).astype(np.float32), metric=metric, **asked)


def ordered(found):
    """Return what was found, nearest first, as values that can be compared."""
    return [
        (distance, one, attrs.asdict(document))
        for distance, one, document in sorted(found, key=lambda hit: hit[:2])
    ]


async def both(lab, table, asked: SearchRequest, *, turns: int = 2):
    """Return what `documents` finds again and again, when `search` has found the same."""
    connection, searcher = Recorder(lab.connection), Searcher()
    found = []
    for _ in range(turns):
        found = ordered(await searcher.documents(connection, table, asked))
        (hits,) = await Searcher().search(lab.connection, table, asked)
        assert found == ordered(hits.found(table.spec.name))
    return found, connection.asked


def test_documents_are_those_of_the_columns_with_all_their_fields(settings):
    vectors = clustered(3000, 8)
    some = {
        "titles": [f"t{row}" if row % 2 else None for row in range(3000)],
        "sources": ["s", None, None] * 1000,
        "chunk_indexes": [None, 2**62, 0] * 1000,
        "chunk_counts": [7] * 3000,
    }

    async def work(lab):
        table = await lab.table(8, index="hnsw")
        await lab.write(table, attrs.evolve(documents(vectors), **some))
        await lab.build(table)
        found, asked = await both(lab, table, request(vectors[5], table.metric), turns=3)
        return found, asked

    found, asked = run(settings, work)
    assert len(found) == 10
    _, one, document = found[0]
    assert (one, document["collection"], document["metadata"]) == ("d00005", "lab", {"n": 5, "third": 2})
    assert (document["title"], document["chunk_index"], document["chunk_count"]) == ("t5", 0, 7)
    assert document["embedding"] is None
    assert len(asked) == 4, "the state of the index is looked up once, and each search is one statement"


def test_few_documents_and_vectors_that_stray_are_found_too(settings):
    vectors = clustered(20, 8)

    async def work(lab):
        table = await lab.table(8)
        sizes = []
        for rows in (0, 3, 20):
            if rows:
                await lab.write(table, documents(vectors[:rows]))
            found, _ = await both(lab, table, request(vectors[0], table.metric))
            sizes.append(len(found))
        searcher, asked = Searcher(), request(vectors[0], table.metric, k=21)
        sizes.append(len(await searcher.documents(lab.connection, table, asked)))
        await lab.write(table, documents(np.full((1, 8), 1e18)))
        found = ordered(await searcher.documents(lab.connection, table, asked))
        assert found[0][1] != "d00000", "its vector is another now"
        (hits,) = await Searcher().search(lab.connection, table, asked)
        assert found == ordered(hits.found("lab"))
        far = request(np.full(8, 1e18), table.metric)
        assert ordered(await searcher.documents(lab.connection, table, far))[0][1] == "d00000"
        return sizes

    assert run(settings, work) == [0, 3, 10, 20]


def test_documents_that_were_deleted_from_the_graph_are_made_up_for(settings):
    vectors = clustered(2000, 8)

    async def work(lab):
        table = await indexed(lab, vectors)
        searcher, asked = Searcher(), request(vectors[0], table.metric, k=100, effort=100)
        before = ordered(await searcher.documents(lab.connection, table, asked))
        gone = [one for _, one, _ in before[:60]]
        await lab.connection.execute(f"DELETE FROM {table.qualified} WHERE id = ANY($1)", gone)
        after = ordered(await searcher.documents(lab.connection, table, asked))
        return gone, [one for _, one, _ in after]

    gone, after = run(settings, work)
    assert len(after) == len(set(after)) == 100
    assert not set(gone) & set(after)


@pytest.mark.parametrize(
    "more",
    [
        {"projection": Projection(content=False)},
        {"projection": Projection(metadata=False)},
        {"projection": Projection(embedding=True)},
        {"metric": DistanceMetric.DOT_PRODUCT},
        {"pushed": parse_filter({"n": 1})},
        {"k": 10_000},
    ],
    ids=["no content", "no metadata", "vectors", "inner products", "filtered", "many"],
)
def test_what_is_no_document_or_many_is_asked_in_columns(more):
    whole = request(np.ones(8), DistanceMetric.COSINE)
    assert gives_documents(spec("lab", 8), whole)
    assert not gives_documents(spec("lab", 8), attrs.evolve(whole, **more))

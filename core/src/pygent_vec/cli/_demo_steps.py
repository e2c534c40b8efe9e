"""The steps of the demo: fill a store, ask it questions, measure it, and open it again."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

import attrs
import numpy as np

from pygent_vec.errors import CorruptStoreError
from pygent_vec.model import DistanceMetric, VectorDocument, VectorQuery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.progress import Progress

    from pygent_vec.cli._corpus import Passage
    from pygent_vec.contract import Embedder
    from pygent_vec.model import Float32Matrix, JsonObject, OptimizeReport, VectorSearchResult
    from pygent_vec.sync import SyncVectorStore

__all__ = [
    "COLLECTION",
    "Answer",
    "Measurement",
    "Question",
    "ask",
    "check_kept",
    "embed",
    "fill",
    "measure",
    "optimize",
    "questions",
]

COLLECTION = "stdlib"
_BATCH = 500
_ANSWERS = 5
_SAMPLES = 200
_RECALL_AT = 10
_TARGET_RECALL = 0.99
_TOLERANCE = 1e-6


@attrs.frozen
class Question:
    """A text to search for, and which documents may answer."""

    text: str
    filter: JsonObject | None = None


@attrs.frozen(kw_only=True)
class Answer:
    """What the store answered."""

    question: Question
    results: Sequence[VectorSearchResult]


@attrs.frozen(kw_only=True)
class Measurement:
    """How well and how fast the index answers.

    Attributes:
        queries: How many sampled documents were used as queries.
        recall: Mean recall@10 against exact search. A hit counts if it is as near as the tenth exact one, so
            that equal texts do not read as misses.
        p50_ms: The median time of one search with content and metadata, in milliseconds.
        p95_ms: The time that 95 of 100 searches keep, in milliseconds.
    """

    queries: int
    recall: float
    p50_ms: float
    p95_ms: float


def questions() -> list[Question]:
    """Return the demo's questions, without and with filters."""
    return [
        Question("compress a file"),
        Question("is this path a symbolic link"),
        Question("send an email"),
        Question("send an email", {"package": "smtplib"}),
        Question("run a command in a subprocess", {"kind": "function"}),
        Question("wait until the process terminates", {"arguments": {"$contains": "timeout"}}),
        Question("arithmetic mean of the data", {"package": {"$in": ["statistics", "fractions"]}}),
        Question("compare two sequences", {"$and": [{"kind": {"$ne": "method"}}, {"words": {"$gt": 20}}]}),
    ]


def embed(passages: Sequence[Passage], embedder: Embedder, progress: Progress) -> Float32Matrix:
    """Return the vectors of what each passage is about: float32 `[n, d]`."""
    task = progress.add_task("Embedding", total=len(passages))
    vectors = np.empty((len(passages), embedder.dimension), dtype=np.float32)
    for start in range(0, len(passages), _BATCH):
        texts = [passage.summary for passage in passages[start : start + _BATCH]]
        vectors[start : start + len(texts)] = embedder.embed(texts)
        progress.advance(task, len(texts))
    return vectors


def fill(
    store: SyncVectorStore,
    passages: Sequence[Passage],
    vectors: Float32Matrix,
    metadata: JsonObject,
    progress: Progress,
) -> None:
    """Create the demo's collection and write *passages* with their *vectors* `[n, d]` to it."""
    kinds = store.store.capabilities.index_kinds
    store.create_collection(
        COLLECTION,
        vectors.shape[1],
        DistanceMetric.COSINE,
        # Flat search would always have a recall of 1, and measuring it would show nothing.
        index="hnsw" if "hnsw" in kinds else "auto",
        metadata=metadata,
    )
    task = progress.add_task("Writing", total=len(passages))
    documents = (
        VectorDocument(
            id=passage.name,
            content=passage.text,
            embedding=vector,
            metadata=passage.metadata(),
            collection=COLLECTION,
        )
        for passage, vector in zip(passages, vectors, strict=True)
    )
    store.add_documents(
        documents, batch_size=_BATCH, on_progress=lambda written: progress.update(task, completed=written)
    )


def optimize(store: SyncVectorStore) -> OptimizeReport:
    """Build the index, and set the cheapest search effort with a recall@10 of 0.99 where that can be set."""
    return store.optimize(
        COLLECTION, target_recall=_TARGET_RECALL if store.store.capabilities.tuning else None
    )


def ask(store: SyncVectorStore, embedder: Embedder) -> list[Answer]:
    """Return the store's answers to the demo's questions."""
    asked = questions()
    vectors = embedder.embed([question.text for question in asked])
    queries = [
        VectorQuery(
            query_vector=vector, collection=COLLECTION, limit=_ANSWERS, metadata_filter=question.filter
        )
        for question, vector in zip(asked, vectors, strict=True)
    ]
    answers = [store.search_similar(query) for query in queries]
    return [Answer(question=one, results=results) for one, results in zip(asked, answers, strict=True)]


def measure(store: SyncVectorStore, vectors: Float32Matrix, progress: Progress) -> Measurement:
    """Search for an even sample of *vectors* `[n, d]`, through the index and exactly, and compare."""
    sample = vectors[:: -(-len(vectors) // _SAMPLES)]
    task = progress.add_task("Measuring", total=len(sample))
    milliseconds, shares = [], []
    for vector in sample:
        query = VectorQuery(query_vector=vector, collection=COLLECTION, limit=_RECALL_AT)
        started = perf_counter()
        found = store.search_similar(query)
        milliseconds.append(1000 * (perf_counter() - started))
        truth = store.search_similar(attrs.evolve(query, exact=True))
        near = sum(one.distance <= truth[-1].distance + _TOLERANCE for one in found)
        shares.append(min(near, len(truth)) / len(truth))
        progress.advance(task)
    return Measurement(
        queries=len(sample),
        recall=float(np.mean(shares)),
        p50_ms=float(np.percentile(milliseconds, 50)),
        p95_ms=float(np.percentile(milliseconds, 95)),
    )


def check_kept(store: SyncVectorStore, count: int, before: Sequence[Answer], embedder: Embedder) -> None:
    """Check that a store that was opened again holds and answers what it did before.

    Raises:
        CorruptStoreError: it does not; the message says what differs.
    """
    found = store.count_documents(collection=COLLECTION)
    if found != count:
        raise CorruptStoreError(f"the store held {count} documents, and {found} when it was opened again")
    for old, new in zip(before, ask(store, embedder), strict=True):
        ids = [[one.document.id for one in answer.results] for answer in (old, new)]
        if ids[0] != ids[1]:
            raise CorruptStoreError(
                f"the store answers {old.question.text!r} with {ids[1]} since it was opened again, "
                f"and with {ids[0]} before"
            )

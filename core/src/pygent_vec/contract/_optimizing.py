"""How an index is built and its search effort is chosen: by recall@10 against exact search.

recall@10 is scored by distance, not by id: a hit counts if it is as near as the tenth exact one, so that
duplicates of a document do not read as misses.

Stored documents are too easy as queries: a graph was built by searching for exactly these, and answers them
with a quarter of the misses. So each sampled document is moved in a random direction, by 1.5 times the
distance to its nearest neighbor. On 100,000 sentence embeddings recall then agreed with that of held-out
sentences within 0.01 (0.962 against 0.957 at ef_search 32, 0.988 against 0.992 at 96), where the documents
themselves gave 0.992 and 0.997.
"""

from __future__ import annotations

import math
import random
from time import perf_counter
from typing import TYPE_CHECKING

import attrs
import numpy as np

from pygent_vec.contract._planning import collection_spec
from pygent_vec.contract._primitives import Primitives, settle
from pygent_vec.contract._requests import SearchRequest, Tuning
from pygent_vec.errors import ConfigError, UnsupportedFeatureError, shown
from pygent_vec.model import OptimizeReport, Projection

if TYPE_CHECKING:
    from pygent_vec.contract._context import StoreContext
    from pygent_vec.model import CollectionSpec, Float32Matrix, Float64Vector

__all__ = ["check_target", "optimize"]

_RECALL_AT = 10
_SAMPLES = 200
_MOVED = 1.5
"""How far a query is from the document that it was made of, in distances to the nearest neighbor."""
_PAGE = 1000
_TOLERANCE = 1e-6
_IDS_ONLY = Projection(content=False, metadata=False, embedding=False)


def check_target(primitives: Primitives, context: StoreContext, target_recall: float | None) -> None:
    """Refuse a target that means nothing, or that the backend cannot meet.

    Raises:
        ConfigError: not a number in (0, 1].
        UnsupportedFeatureError: the backend does not declare `tuning`.
    """
    if target_recall is None:
        return
    if (
        not isinstance(target_recall, (int, float))
        or isinstance(target_recall, bool)
        or not 0 < target_recall <= 1
    ):
        raise ConfigError(f"target_recall {shown(target_recall)}: use a number above 0, up to 1, or None")
    if not primitives.capabilities.tuning:
        raise UnsupportedFeatureError(
            f"the backend {context.backend!r} has no search effort to tune; "
            "call optimize() without target_recall"
        )


async def optimize(
    primitives: Primitives, context: StoreContext, collection: str | None, target_recall: float | None
) -> OptimizeReport:
    """Build the index; with a target, persist the cheapest search effort that meets it.

    If no effort meets the target, the highest one is persisted and the report says what recall it has.
    """
    started = perf_counter()
    check_target(primitives, context, target_recall)
    spec = await collection_spec(primitives, context, collection)
    index = await settle(primitives._build_index(spec))  # core drives the primitives
    recall = None
    if target_recall is not None:
        recall = await _tune(primitives, spec, target_recall)
    tuning = await settle(primitives._tuning(spec))
    return OptimizeReport(
        collection=spec.name,
        index=index,
        document_count=await settle(primitives._count(spec, None)),
        seconds=perf_counter() - started,
        effort=tuning.effort,
        recall=recall,
        target_recall=target_recall,
    )


async def _tune(primitives: Primitives, spec: CollectionSpec, target: float) -> float | None:
    """Persist the cheapest effort whose recall meets *target*; return its recall, None without documents.

    It meets the target if it does so by one standard error of the sample.
    """
    queries = await _queries(primitives, spec)
    if not len(queries):
        return None
    tuning: Tuning = await settle(primitives._tuning(spec))
    truth = await _distances(primitives, spec, queries, exact=True, effort=None)
    if not tuning.efforts:
        found = await _distances(primitives, spec, queries, exact=False, effort=None)
        return float(_recalls(found, truth).mean())
    recall = 0.0
    for effort in tuning.efforts:
        found = await _distances(primitives, spec, queries, exact=False, effort=effort)
        recalls = _recalls(found, truth)
        recall = float(recalls.mean())
        if recall - recalls.std() / math.sqrt(len(recalls)) >= target:
            break
    await settle(primitives._set_effort(spec, effort))
    return recall


async def _queries(primitives: Primitives, spec: CollectionSpec) -> Float32Matrix:
    """Return the vectors of sampled documents, moved off the documents; `[0, d]` without documents."""
    documents = await _sample(primitives, spec)
    if len(documents) < 2:  # noqa: PLR2004  # one has no neighbor
        return documents
    near = SearchRequest(
        vectors=documents,
        k=3,
        metric=spec.distance_metric,
        pushed=None,
        exact=True,
        projection=attrs.evolve(_IDS_ONLY, embedding=True),
    )
    lengths = []
    for document, hits in zip(documents, await settle(primitives._search(spec, near)), strict=True):
        vectors = document if hits.rows.vectors is None else hits.rows.vectors
        steps = np.linalg.norm(vectors.astype(np.float64) - document, axis=-1)
        lengths.append(min(steps[steps > 0].tolist(), default=0.0))
    draw = np.random.default_rng(len(documents))
    directions = draw.standard_normal(documents.shape)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    with np.errstate(over="ignore"):
        moved = (documents + _MOVED * np.array(lengths)[:, np.newaxis] * directions).astype(np.float32)
    return np.where(np.isfinite(moved).all(axis=1, keepdims=True), moved, documents)


async def _distances(
    primitives: Primitives, spec: CollectionSpec, queries: Float32Matrix, *, exact: bool, effort: int | None
) -> list[Float64Vector]:
    request = SearchRequest(
        vectors=queries,
        k=_RECALL_AT,
        metric=spec.distance_metric,
        pushed=None,
        exact=exact,
        projection=_IDS_ONLY,
        effort=effort,
    )
    return [hits.distances for hits in await settle(primitives._search(spec, request))]


def _recalls(found: list[Float64Vector], truth: list[Float64Vector]) -> Float64Vector:
    """Return the recall of each query."""
    shares = []
    for near, exact in zip(found, truth, strict=True):
        bound = exact.max() + _TOLERANCE * max(1.0, abs(float(exact.max())))
        shares.append(min(len(exact), int(np.count_nonzero(near <= bound))) / len(exact))
    return np.array(shares)


async def _sample(primitives: Primitives, spec: CollectionSpec) -> Float32Matrix:
    """Return the vectors of up to 200 documents, drawn evenly (reservoir sampling, Vitter's algorithm R)."""
    draw = random.Random(spec.name)  # noqa: S311  # a sample, not a secret
    projection = attrs.evolve(_IDS_ONLY, embedding=True)
    reservoir: list[np.ndarray[tuple[int], np.dtype[np.float32]]] = []
    seen, after = 0, None
    while True:
        page = await settle(primitives._scan(spec, after, _PAGE, None, projection))
        for vector in page.vectors if page.vectors is not None else ():
            seen += 1
            if len(reservoir) < _SAMPLES:
                reservoir.append(vector.copy())
            elif (place := draw.randrange(seen)) < _SAMPLES:
                reservoir[place] = vector.copy()
        if len(page) < _PAGE:
            return np.array(reservoir, dtype=np.float32).reshape(len(reservoir), spec.dimension)
        after = page.ids[-1]

"""How texts become vectors inside of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from pygent_vec.errors import CollectionMismatchError, InvalidVectorError
from pygent_vec.model import as_float32

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.contract._context import StoreContext
    from pygent_vec.contract._embedder import Embedder
    from pygent_vec.model import CollectionSpec, Float32Matrix

__all__ = ["EMBEDDING_MODEL", "check_model", "embedded", "with_model"]

EMBEDDING_MODEL = "embedding_model"
"""The key of a collection's metadata that names the model of its vectors."""


def with_model(spec: CollectionSpec, embedder: Embedder | None) -> CollectionSpec:
    """Return the spec of a new collection with the name of the model that will fill it.

    An embedder of another dimension will not, and a name that was given stays.
    """
    if embedder is None or embedder.dimension != spec.dimension or EMBEDDING_MODEL in spec.metadata:
        return spec
    return attrs.evolve(spec, metadata={**spec.metadata, EMBEDDING_MODEL: embedder.model})


def check_model(spec: CollectionSpec, model: object) -> None:
    """Refuse vectors of *model* for a collection whose metadata names another one.

    Raises:
        CollectionMismatchError: names both.
    """
    kept = spec.metadata.get(EMBEDDING_MODEL)
    if kept is not None and model is not None and kept != model:
        raise CollectionMismatchError(
            f"the collection {spec.name!r} holds vectors of the model {kept!r}, and the embedder is "
            f"{model!r}; vectors of different models cannot be compared: use that embedder, or "
            "another collection"
        )


async def embedded(context: StoreContext, embedder: Embedder, texts: Sequence[str]) -> Float32Matrix:
    """Return the vectors of *texts*, float32 `[n, d]`, computed where no event loop waits.

    Raises:
        InvalidVectorError: the embedder's answer is not one vector for each text.
    """
    vectors = as_float32(await context.off_loop(lambda: embedder.embed(texts)))
    if vectors is None or vectors.ndim != 2 or len(vectors) != len(texts):  # noqa: PLR2004  # rows x columns
        shape = None if vectors is None else vectors.shape
        raise InvalidVectorError(
            f"the embedder {embedder.model!r} returned the shape {shape} for {len(texts)} texts; "
            f"it must be ({len(texts)}, {embedder.dimension})"
        )
    return vectors

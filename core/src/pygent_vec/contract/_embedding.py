"""How texts become vectors inside of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec.errors import InvalidVectorError
from pygent_vec.model import as_float32

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.contract._context import StoreContext
    from pygent_vec.contract._embedder import Embedder
    from pygent_vec.model import Float32Matrix

__all__ = ["embedded"]


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

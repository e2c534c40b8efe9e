"""Batches that are made of documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pygent_vec.model import VectorBatch, to_micros

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from pygent_vec.model import VectorDocument

__all__ = ["batch_from"]


def batch_from(documents: Sequence[VectorDocument]) -> VectorBatch:
    """Return stored *documents*, at least one, with vectors and timestamps, as a batch."""
    return VectorBatch(
        ids=[one.id for one in documents],
        vectors=np.stack([one.embedding for one in documents if one.embedding is not None]),
        contents=[one.content for one in documents],
        metadatas=[one.metadata for one in documents],
        titles=[one.title for one in documents],
        sources=[one.source for one in documents],
        document_types=[one.document_type for one in documents],
        chunk_indexes=[one.chunk_index for one in documents],
        chunk_counts=[one.chunk_count for one in documents],
        created_at=np.array([_micros(one.created_at) for one in documents], dtype=np.int64),
        updated_at=np.array([_micros(one.updated_at) for one in documents], dtype=np.int64),
    )


def _micros(instant: datetime | None) -> int:
    if instant is None:
        raise TypeError("a stored document has its timestamps")
    return to_micros(instant)

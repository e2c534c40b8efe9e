"""The data of the benchmarks: real embeddings from a given path, or clustered ones made up."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import attrs
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Corpus", "corpus"]

_TEXT_BYTES = 500


@attrs.frozen(kw_only=True, eq=False)
class Corpus:
    """Documents and queries.

    Attributes:
        name: Where they come from.
        vectors: float32 `[n, d]`.
        queries: float32 `[q, d]`, not among the vectors.
        ids: `n` ids.
        contents: `n` texts of about 500 bytes.
        metadatas: `n` metadata objects.
    """

    name: str
    vectors: np.ndarray
    queries: np.ndarray
    ids: list[str]
    contents: list[str]
    metadatas: list[dict[str, object]]


def corpus(rows: int, *, dimension: int = 384, queries: int = 1000, source: Path | None = None) -> Corpus:
    """Return *rows* documents: of the WordNet glosses at *source*, or clustered ones made up.

    Args:
        rows: How many.
        dimension: Of made-up vectors.
        queries: How many.
        source: A directory with `vectors.npz` (int8 `q`, scale `s`) and `rows.jsonl.gz`.
    """
    if source is None:
        return _clustered(rows, dimension, queries)
    with np.load(source / "vectors.npz") as archive:
        everything = archive["q"].astype(np.float32) * np.float32(archive["s"])
    everything /= np.linalg.norm(everything, axis=1, keepdims=True)
    order = np.random.default_rng(0).permutation(len(everything))
    chosen, held_out = order[:rows], order[rows : rows + queries]
    with gzip.open(source / "rows.jsonl.gz", "rt", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    documents = [lines[row] for row in chosen]
    return Corpus(
        name="WordNet glosses, all-MiniLM-L6-v2",
        vectors=np.ascontiguousarray(everything[chosen]),
        queries=np.ascontiguousarray(everything[held_out]),
        ids=[f"doc-{row:07d}" for row in range(len(documents))],
        contents=[_long(document["text"]) for document in documents],
        metadatas=[
            {
                "pos": one["pos"],
                "lexfile": one["lexfile"],
                "words": one["words"],
                "length": len(one["text"]),
                "row": row,
            }
            for row, one in enumerate(documents)
        ],
    )


def _clustered(rows: int, dimension: int, queries: int) -> Corpus:
    random = np.random.default_rng(0)
    centres = random.standard_normal((max(64, rows // 200), dimension)).astype(np.float32)
    member = random.integers(0, len(centres), rows + queries)
    vectors = centres[member] + 0.5 * random.standard_normal((rows + queries, dimension), dtype=np.float32)
    return Corpus(
        name=f"clustered, {len(centres)} centres",
        vectors=vectors[:rows],
        queries=vectors[rows:],
        ids=[f"doc-{row:07d}" for row in range(rows)],
        contents=[_long(f"the text of document {row}") for row in range(rows)],
        metadatas=[
            {
                "lexfile": f"cluster.{member[row] % 45}",
                "pos": "nvar"[row % 4],
                "length": row % 500,
                "row": row,
            }
            for row in range(rows)
        ],
    )


def _long(text: str) -> str:
    return (f"{text} " * (_TEXT_BYTES // (len(text) + 1) + 1))[:_TEXT_BYTES]

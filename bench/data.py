"""The data of the benchmarks: real embeddings, or clustered ones made up where more rows are wanted."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import numpy as np

from bench.texts import sentences
from bench.workshop import cache_directory

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        metadatas: `n` metadata objects. `row` numbers the rows, which are in random order; `near` numbers
            them by their similarity to one of them, so that `near < n / 100` selects one region.
    """

    name: str
    vectors: np.ndarray
    queries: np.ndarray
    ids: list[str]
    contents: list[str]
    metadatas: list[dict[str, object]]

    @property
    def digest(self) -> str:
        """A name of the vectors and queries by their content."""
        state = hashlib.blake2b(digest_size=12)
        for matrix in (self.vectors, self.queries):
            state.update(repr(matrix.shape).encode())
            state.update(np.ascontiguousarray(matrix).data.cast("B"))
        return state.hexdigest()


def corpus(
    rows: int, *, dimension: int = 384, queries: int = 1000, source: Path | str | None = None
) -> Corpus:
    """Return *rows* documents.

    By default they are sentences that every installation has, embedded by the static embedder (128
    dimensions), as far as there are enough of them (about 30,000); above, clustered vectors made up.

    Args:
        rows: How many.
        dimension: Of made-up vectors.
        queries: How many.
        source: A directory with `vectors.npz` (int8 `q`, scale `s`) and `rows.jsonl.gz`, such as WordNet's
            glosses; or "static" or "clustered".

    Raises:
        ValueError: there are not so many real rows.
    """
    if source == "clustered":
        return _clustered(rows, dimension, queries)
    if isinstance(source, Path) or source not in {None, "static"}:
        return _wordnet(Path(str(source)), rows, queries)
    found = sentences()
    if rows + queries <= len(found):
        return _static(found, rows, queries)
    if source is None:
        return _clustered(rows, dimension, queries)
    raise ValueError(
        f"{rows:,} rows and {queries:,} queries asked of {len(found):,} sentences; ask for fewer"
    )


def _static(found: Sequence[tuple[str, str]], rows: int, queries: int) -> Corpus:
    everything = _embedded([text for _, text in found])
    order = np.random.default_rng(0).permutation(len(found))
    chosen, held_out = order[:rows], order[rows : rows + queries]
    documents = [found[row] for row in chosen]
    return _corpus(
        name="docstrings, static embedder",
        vectors=np.ascontiguousarray(everything[chosen]),
        queries=np.ascontiguousarray(everything[held_out]),
        contents=[text for _, text in documents],
        metadatas=[{"lexfile": package, "length": len(text)} for package, text in documents],
    )


def _embedded(texts: list[str]) -> np.ndarray:
    """Return the vectors of *texts*, from the cache where it has them."""
    from pygent_vec_embed_static import StaticEmbedder

    embedder = StaticEmbedder()
    state = hashlib.blake2b("\n".join([embedder.model, *texts]).encode(), digest_size=12)
    kept = cache_directory("vectors") / f"{state.hexdigest()}.npy"
    if kept.exists():
        return np.asarray(np.load(kept))
    made = embedder.embed(texts)
    np.save(kept, made)
    return made


def _wordnet(source: Path, rows: int, queries: int) -> Corpus:
    with np.load(source / "vectors.npz") as archive:
        everything = archive["q"].astype(np.float32) * np.float32(archive["s"])
    everything /= np.linalg.norm(everything, axis=1, keepdims=True)
    if rows + queries > len(everything):
        raise ValueError(f"{source} has {len(everything):,} rows; ask for fewer than {rows:,}")
    order = np.random.default_rng(0).permutation(len(everything))
    chosen, held_out = order[:rows], order[rows : rows + queries]
    with gzip.open(source / "rows.jsonl.gz", "rt", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    documents = [lines[row] for row in chosen]
    return _corpus(
        name="WordNet glosses, all-MiniLM-L6-v2",
        vectors=np.ascontiguousarray(everything[chosen]),
        queries=np.ascontiguousarray(everything[held_out]),
        contents=[document["text"] for document in documents],
        metadatas=[
            {"pos": one["pos"], "lexfile": one["lexfile"], "words": one["words"], "length": len(one["text"])}
            for one in documents
        ],
    )


def _clustered(rows: int, dimension: int, queries: int) -> Corpus:
    random = np.random.default_rng(0)
    centres = random.standard_normal((max(64, rows // 200), dimension)).astype(np.float32)
    member = random.integers(0, len(centres), rows + queries)
    vectors = 0.5 * random.standard_normal((rows + queries, dimension), dtype=np.float32)
    vectors += centres[member]
    return _corpus(
        name=f"clustered, {len(centres)} centres",
        vectors=vectors[:rows],
        queries=vectors[rows:],
        contents=[f"the text of document {row}" for row in range(rows)],
        metadatas=[
            {"lexfile": f"cluster.{member[row] % 45}", "pos": "nvar"[row % 4], "length": row % 500}
            for row in range(rows)
        ],
    )


def _corpus(
    *,
    name: str,
    vectors: np.ndarray,
    queries: np.ndarray,
    contents: list[str],
    metadatas: Sequence[dict[str, object]],
) -> Corpus:
    """Add what every corpus has: ids, long texts, and the two fields by which filters select a share."""
    directions = vectors @ vectors[0] / np.linalg.norm(vectors, axis=1)
    near = np.empty(len(vectors), dtype=np.int64)
    near[np.argsort(-directions, kind="stable")] = np.arange(len(vectors))
    return Corpus(
        name=name,
        vectors=vectors,
        queries=queries,
        ids=[f"doc-{row:07d}" for row in range(len(vectors))],
        contents=[_long(text) for text in contents],
        metadatas=[
            {**one, "row": row, "near": place}
            for row, (one, place) in enumerate(zip(metadatas, near.tolist(), strict=True))
        ],
    )


def _long(text: str) -> str:
    return (f"{text} " * (_TEXT_BYTES // (len(text) + 1) + 1))[:_TEXT_BYTES]

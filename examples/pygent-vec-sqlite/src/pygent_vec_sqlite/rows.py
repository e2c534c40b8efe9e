"""Rows: how documents and collections go into the one table, and come back.

A row is a document: its id, the rest of it as JSON, its vector as bytes, and a checksum. The rows of the
collection 0 are the collections: the id is the name, the JSON is the spec, and documents refer to the number.
"""

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

import attrs
import numpy as np

from pygent_vec import filters, model

TABLE = """CREATE TABLE IF NOT EXISTS rows
           (number INTEGER PRIMARY KEY, collection INTEGER, id TEXT, json TEXT, vector BLOB, sum INTEGER,
            UNIQUE (collection, id))"""
PUT = "INTO rows (collection, id, json, vector, sum) VALUES (?1, ?2, ?3, ?4, crc(?1, ?2, ?3, ?4))"
DAMAGED = "SELECT count(number) FROM rows WHERE sum IS NOT crc(collection, id, json, vector)"
MATCHING = "collection = :number AND (:filter IS NULL OR holds(:filter, json))"


def crc(*row: int | str | bytes | None) -> int:
    """Return the checksum of a row, which SQLite itself does not keep."""
    return zlib.crc32(ascii(row).encode())


def holds(condition: str, document: str) -> bool:
    """Return whether a document satisfies a filter, by core's own evaluator; both are JSON."""
    return filters.evaluate(_parsed(condition), model.VectorDocument.from_dict(json.loads(document)))


@lru_cache(maxsize=8)
def _parsed(condition: str) -> filters.Filter:
    return filters.parse_filter(json.loads(condition))


def encoded(batch: model.VectorBatch, created: Mapping[str, str]) -> Iterator[tuple[str, str, bytes]]:
    """Yield the id, the JSON and the vector of each document; one that is in *created* keeps that time."""
    for document, vector in zip(batch.documents(), batch.vectors, strict=True):
        fields = attrs.evolve(document, embedding=None).to_dict()
        fields["created_at"] = created.get(document.id, fields["created_at"])
        yield document.id, json.dumps(fields), vector.tobytes()


def decoded(
    found: Sequence[tuple[str, str, bytes]], projection: model.Projection, dimension: int
) -> model.DocumentRows:
    """Return documents with the columns that were asked for."""
    fields = [json.loads(text) for _, text, _ in found]
    rows = model.DocumentRows(
        ids=[one for one, _, _ in found],
        contents=[one["content"] for one in fields] if projection.content else None,
        vectors=matrix([vector for _, _, vector in found], dimension) if projection.embedding else None,
    )
    if not projection.metadata:
        return rows
    return attrs.evolve(
        rows,
        metadatas=[one["metadata"] for one in fields],
        own=[tuple(one.get(name) for name in model.OWN_FIELDS) for one in fields],
        created_at=[model.to_micros(datetime.fromisoformat(one["created_at"])) for one in fields],
        updated_at=[model.to_micros(datetime.fromisoformat(one["updated_at"])) for one in fields],
    )


def matrix(vectors: Sequence[bytes], dimension: int) -> model.Float32Matrix:
    """Return float32 `[n, dimension]`."""
    return np.frombuffer(b"".join(vectors), dtype=np.float32).reshape(len(vectors), dimension)


def spec_text(spec: model.CollectionSpec) -> str:
    """Return what a collection was created with as JSON."""
    return json.dumps({**attrs.asdict(spec), "created_at": model.rfc3339(spec.created_at)}, sort_keys=True)


def spec_of(text: str) -> model.CollectionSpec:
    """Return what `spec_text` described."""
    held = json.loads(text)
    held["distance_metric"] = model.DistanceMetric(held["distance_metric"])
    held["index"] = model.IndexSpec(held["index"]["kind"], options=held["index"]["options"])
    held["created_at"] = datetime.fromisoformat(held["created_at"])
    return model.CollectionSpec(**held)

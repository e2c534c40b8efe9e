"""Documents as lines of JSON: the first line tells of the collection, the last one how many there are.

```json
{"pygent_vec": {"format": 1, "collection": "books", "dimension": 2, "distance_metric": "cosine", ...}}
{"id": "dune", "content": "...", "metadata": {"year": 1965}, "embedding": [0.25, 0.5], ...}
{"pygent_vec_end": {"documents": 1}}
```

Between them stands what `VectorDocument.to_dict` returns. Both are optional for a reader; with them a file
that was cut is found out, wherever it was cut.
"""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from pygent_vec.errors import CorruptStoreError, InvalidVectorError, hint, shown
from pygent_vec.model import OWN_FIELDS, DistanceMetric, IndexSpec, as_float32, rfc3339_from_micros, to_micros
from pygent_vec.transfer._ends import Description

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pygent_vec.model import Float32Vector, JsonObject, VectorBatch

__all__ = [
    "END",
    "FIELDS",
    "HEADER",
    "RowError",
    "check_fields",
    "description_from",
    "description_json",
    "end_line",
    "header_line",
    "instant",
    "lines",
    "parsed",
    "vector",
]

HEADER = "pygent_vec"
END = "pygent_vec_end"
FORMAT = 1
"""The version of both kinds of files that this module's header is written into."""
_NUMBERS = frozenset({int, float})
FIELDS = (
    "id", "content", "metadata", "embedding", "collection", *OWN_FIELDS, "created_at", "updated_at"
)  # fmt: skip


class RowError(ValueError):
    """Why a row cannot be taken."""


def description_json(description: Description) -> JsonObject:
    """Return what a file says of its collection."""
    index = description.index
    return {
        "format": FORMAT,
        "collection": description.collection,
        "dimension": description.dimension,
        "distance_metric": None if description.metric is None else description.metric.value,
        "index": None if index is None else {"kind": index.kind, "options": dict(index.options)},
        "metadata": description.metadata,  # type: ignore[dict-item]  # a store's, so it is JSON
    }


def description_from(data: object, name: str) -> Description:
    """Return what `description_json` described in the file *name*.

    Raises:
        CorruptStoreError: it is no such description, or of a newer version.
    """
    try:
        held: dict[str, object] = dict(data)  # type: ignore[call-overload]  # what is no mapping raises
        if held["format"] != FORMAT:
            raise CorruptStoreError(
                f"{name!r} has format {shown(held['format'])}, and this pygent-vec reads {FORMAT}; upgrade it"
            )
        metric, index = held["distance_metric"], held["index"]
        return Description(
            collection=str(held["collection"]),
            dimension=int(held["dimension"]),  # type: ignore[call-overload]  # what is no number raises
            metric=None if metric is None else DistanceMetric(str(metric)),
            index=None if index is None else IndexSpec(index["kind"], options=index["options"]),  # type: ignore[index]
            metadata=dict(held["metadata"]),  # type: ignore[call-overload]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptStoreError(
            f"{name!r}: what it says of its collection cannot be read ({type(error).__name__}: {error}); "
            "restore its first line, or make the file again"
        ) from error


def header_line(description: Description) -> bytes:
    """Return the first line of a file."""
    return _line({HEADER: description_json(description)})


def end_line(count: int) -> bytes:
    """Return the last line of a file with *count* documents."""
    return _line({END: {"documents": count}})


def lines(batch: VectorBatch, *, as_base64: bool) -> Iterator[bytes]:
    """Yield a line for each document of a batch that a store gave."""
    count = len(batch)
    none: list[None] = [None] * count
    own = [
        getattr(batch, column) or none
        for column in ("titles", "sources", "document_types", "chunk_indexes", "chunk_counts")
    ]
    columns = zip(
        batch.ids,
        batch.contents or [""] * count,
        batch.metadatas or [{}] * count,
        _embeddings(batch, as_base64=as_base64),
        zip(*own, strict=True),
        none if batch.created_at is None else map(rfc3339_from_micros, batch.created_at.tolist()),
        none if batch.updated_at is None else map(rfc3339_from_micros, batch.updated_at.tolist()),
        strict=True,
    )
    for one, content, metadata, embedding, own_fields, created_at, updated_at in columns:
        data = {"id": one, "content": content, "metadata": metadata, "embedding": embedding}
        data.update(
            (name, value) for name, value in zip(OWN_FIELDS, own_fields, strict=True) if value is not None
        )
        if created_at is not None:
            data["created_at"] = created_at
        if updated_at is not None:
            data["updated_at"] = updated_at
        yield _line(data)


def parsed(line: bytes | str) -> dict[str, object]:
    """Return the JSON object in a line.

    Raises:
        RowError: it is none; a key that is given twice and a number that is none count as errors.
    """
    try:
        value = _decoder().decode(line if isinstance(line, str) else line.decode())
    except RowError:
        raise
    except (ValueError, RecursionError) as error:
        raise RowError(f"not JSON: {str(error) or type(error).__name__}") from error
    if not isinstance(value, dict):
        raise RowError(f"not a JSON object: {shown(value)}")
    return value


def vector(value: object) -> Float32Vector:
    """Return the vector that a line gives: numbers, or base64 of little-endian float32.

    Raises:
        RowError: it is none of them.
    """
    if isinstance(value, str):
        try:
            return np.frombuffer(base64.b64decode(value, validate=True), dtype="<f4").astype(np.float32)
        except (binascii.Error, ValueError) as error:
            raise RowError(f"embedding: not base64 of float32 numbers ({error})") from error
    if value is None:
        raise RowError("embedding: it is missing")
    if isinstance(value, list) and not _NUMBERS.issuperset(map(type, value)):  # true would become 1
        raise RowError(f"embedding: not a vector of numbers: {shown(value)}")
    try:
        found = as_float32(value)  # type: ignore[arg-type]  # checked there
    except InvalidVectorError as error:
        raise RowError(f"embedding: {error}") from error
    if found is None or found.ndim != 1:
        raise RowError(f"embedding: a list of numbers is needed, got {shown(value)}")
    return found


def instant(name: str, value: object) -> int | None:
    """Return a time of a line in microseconds since 1970; None if it has none.

    Raises:
        RowError: it is no RFC 3339 text with a time zone.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise RowError(f"{name}: an RFC 3339 text is needed, got {shown(value)}")
    try:
        return to_micros(datetime.fromisoformat(value))
    except ValueError as error:
        raise RowError(f"{name}: {error}") from error


def check_fields(data: Mapping[str, object], known: Sequence[str]) -> None:
    """Refuse a field that no document has.

    Raises:
        RowError: names it and the nearest one.
    """
    for name in data:
        if name not in known:
            raise RowError(f"the unknown field {shown(name)}{hint(name, known)}")


def _line(data: Mapping[str, object]) -> bytes:
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return f"{text}\n".encode()


def _embeddings(batch: VectorBatch, *, as_base64: bool) -> Sequence[object]:
    if not as_base64:
        rows: list[object] = batch.vectors.tolist()
        return rows
    return [base64.b64encode(row.astype("<f4").tobytes()).decode() for row in batch.vectors]


@cache  # making one takes longer than using it
def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_number)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise RowError("a key is given twice in one object, so one of the values would be lost")
    return found


def _no_number(text: str) -> object:
    raise RowError(f"{text} is not JSON; use null for an absent number")

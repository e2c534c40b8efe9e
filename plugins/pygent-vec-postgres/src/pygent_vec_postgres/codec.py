"""Between columns of documents and the values that the driver sends and receives.

A vector travels in pgvector's binary form: its length and a zero as 16-bit integers, then float32 values, all
of them big-endian. A whole matrix is turned at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pygent_vec.model import Float32Matrix, Float32Vector, JsonObject, JsonValue

__all__ = [
    "decode_document",
    "decode_vectors",
    "encode_document",
    "encode_vector",
    "encode_vectors",
    "queryable",
]

_HEADER_BYTES = 4
_EXACT_FLOATS = 2.0**53
_BIG_FLOAT = re.compile(rb"e\+?\d")
"""A number with a positive exponent, as orjson writes each float from 1e16 on; or text that looks so."""


def encode_vectors(vectors: Float32Matrix) -> list[bytes]:
    """Return the binary form of each row of float32 `[n, d]`."""
    count, dimension = vectors.shape
    rows = np.empty((count, _HEADER_BYTES + 4 * dimension), dtype=np.uint8)
    rows[:, :_HEADER_BYTES] = np.frombuffer(dimension.to_bytes(2, "big") + b"\0\0", dtype=np.uint8)
    rows[:, _HEADER_BYTES:] = vectors.astype(">f4").view(np.uint8).reshape(count, 4 * dimension)
    size, whole = rows.shape[1], rows.tobytes()
    return [whole[start : start + size] for start in range(0, len(whole), size)]


def encode_vector(vector: Float32Vector) -> bytes:
    """Return the binary form of one vector `[d]`."""
    return len(vector).to_bytes(2, "big") + b"\0\0" + vector.astype(">f4").tobytes()


def decode_vectors(values: Sequence[bytes], dimension: int) -> Float32Matrix:
    """Return the vectors of binary *values* as float32 `[n, dimension]`, bit for bit."""
    rows = np.frombuffer(b"".join(values), dtype=">f4").reshape(len(values), 1 + dimension)
    return rows[:, 1:].astype(np.float32)


def encode_document(metadata: Mapping[str, object]) -> tuple[bytes, bytes]:
    """Return metadata twice: exactly as it is, and as `queryable` JSON."""
    exact = orjson.dumps(metadata)
    return exact, exact if _BIG_FLOAT.search(exact) is None else _with_whole_numbers(metadata)


decode_document: Callable[[bytes], JsonObject] = orjson.loads
"""Returns the metadata of `encode_document`, with its types, in fresh objects."""


def queryable(value: JsonValue) -> bytes:
    """Return *value* as JSON whose numbers jsonb compares as Python does.

    jsonb takes a number's digits literally, and the shortest digits of a large float are not its value:
    2.0**62 is written 4.611686018427388e18. Large floats are whole numbers, so they are written as such. The
    digits of smaller floats are not exact either, but keep their order among each other and among integers.
    """
    exact = orjson.dumps(value)
    return exact if _BIG_FLOAT.search(exact) is None else _with_whole_numbers(value)


def _with_whole_numbers(value: object) -> bytes:
    return json.dumps(_whole(value), ensure_ascii=False, separators=(",", ":")).encode()


def _whole(value: object) -> object:
    if isinstance(value, float):
        return int(value) if abs(value) >= _EXACT_FLOATS else value
    if isinstance(value, Mapping):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole(item) for item in value]
    return value

"""Documents as Chroma's rows: what Chroma keeps exactly stands flat in a row's metadata, the rest as JSON.

* A metadata value at the top level that Chroma keeps bit for bit (string, bool, integer, most floats) stands
  under its own key, where every tool of Chroma's sees it.
* Everything else (objects, lists, null, floats of 17 digits, keys that Chroma refuses) stands as canonical
  JSON beside it. What filters ask for is there a second time, under keys of `keys`.
* Times are microseconds since 1970; that of the last write is left out where it is that of the first.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import orjson

from pygent_vec.errors import CorruptStoreError, InvalidDocumentError, shown
from pygent_vec.filters import Field
from pygent_vec.model import NO_OWN_FIELDS, DocumentRows
from pygent_vec_chroma.keys import (
    CREATED_AT,
    JSON,
    OWN_KEYS,
    UPDATED_AT,
    element_key,
    element_value,
    is_plain_key,
    native_key,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.model import JsonObject, JsonValue, OwnFields, Projection, VectorBatch
    from pygent_vec_chroma.driver import NativeMetadata, NativeRows, NativeValue

__all__ = ["encoded", "replacing", "rows_of"]

_MAX_FLAT = 4_000
"""Values of one document that Chroma is given: more than 5,461 keys make a collection unreadable for ever."""
_EXACT_SIGNIFICAND, _EXACT_EXPONENT = 2**53, 22
"""Decimal numbers within are read exactly by Chroma's parser, others with an error of up to two ulps."""
_NUDGE_ULPS = 4
_SCALARS = (str, int)


def encoded(
    batch: VectorBatch, places: Sequence[int], created_at: Sequence[int]
) -> list[dict[str, NativeValue]]:
    """Return the native metadata of some rows of a batch.

    Args:
        batch: Documents, as core gives them.
        places: Which rows of it.
        created_at: Microseconds since 1970, one for each place.

    Raises:
        InvalidDocumentError: a document has more values than Chroma takes of one.
    """
    if batch.metadatas is None or batch.updated_at is None:
        raise TypeError("core gives a backend batches whose columns are set")
    columns = (batch.titles, batch.sources, batch.document_types, batch.chunk_indexes, batch.chunk_counts)
    own = [(key, column) for key, column in zip(OWN_KEYS, columns, strict=True) if column is not None]
    updated_at = batch.updated_at.tolist()
    rows = []
    plain, spelled = _Plain(), _Spelled()
    for place, created in zip(places, created_at, strict=True):
        native = _flat(cast("JsonObject", batch.metadatas[place]), plain, spelled)
        for name, column in own:
            if column[place] is not None:
                native[name] = column[place]
        native[CREATED_AT] = created
        if updated_at[place] != created:
            native[UPDATED_AT] = updated_at[place]
        if len(native) > _MAX_FLAT:
            raise _too_large(batch.ids[place], len(native))
        rows.append(native)
    return rows


class _Plain(dict[str, bool]):
    """Whether a metadata key may stand in Chroma as it is: worked out once for the rows of a batch."""

    def __missing__(self, key: str) -> bool:
        plain = self[key] = is_plain_key(key)
        return plain


class _Spelled(dict[tuple[str, ...], str]):
    """Metadata fields as filters spell them, by their paths: worked out once for the rows of a batch."""

    def __missing__(self, path: tuple[str, ...]) -> str:
        text = self[path] = str(Field(path))
        return text


def _flat(metadata: JsonObject, plain: _Plain, spelled: _Spelled) -> dict[str, NativeValue]:
    """Return metadata as Chroma's keys: what it keeps exactly, and the rest as JSON and for filters."""
    native: dict[str, Any] = {}
    rest: JsonObject = {}
    for key, value in metadata.items():
        kept = _is_kept(value) if isinstance(value, float) else isinstance(value, _SCALARS)
        if kept and plain[key]:
            native[key] = value
        else:
            rest[key] = value
            _index(native, (key,), value, spelled)
    if rest:
        native[JSON] = orjson.dumps(rest, option=orjson.OPT_SORT_KEYS).decode()
    return native


def _too_large(one: str, values: int) -> InvalidDocumentError:
    return InvalidDocumentError(
        f"document {shown(one)}: metadata: it has {values} values, with those in objects; "
        f"Chroma takes {_MAX_FLAT} of one document at most: store large objects and lists as text"
    )


def _index(
    native: dict[str, NativeValue], path: tuple[str, ...], value: JsonValue, spelled: _Spelled
) -> None:
    """Add what filters need to know of a value that is kept as JSON."""
    if isinstance(value, list):
        field = spelled[path]
        for text in value:
            if isinstance(text, str):
                key = element_key(field, text)
                native[key] = element_value(text, native.get(key))
    elif isinstance(value, dict):
        for key, item in value.items():
            _index(native, (*path, key), item, spelled)
    elif isinstance(value, float):
        native[native_key(Field(path))] = _near(value)
    elif isinstance(value, _SCALARS):
        native[native_key(Field(path))] = value


def _is_kept(value: float) -> bool:
    """Return whether Chroma keeps a float bit for bit: its parser reads the shortest decimal exactly.

    It takes all digits, also the zero of `2.0`, as one integer, and multiplies or divides by a power of ten.
    """
    if value == 0.0:
        return math.copysign(1.0, value) > 0.0  # the sign of zero is lost
    text, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = text.partition(".")
    power = int(exponent or 0) - len(fraction)
    return int(whole + fraction) <= _EXACT_SIGNIFICAND and abs(power) <= _EXACT_EXPONENT


def _near(value: float) -> float:
    """Return what filters see of a float: itself, or beside an integer that it must not become on the way."""
    whole, step = round(value), math.ulp(value)
    if value != whole and abs(value - whole) < _NUDGE_ULPS * step:
        return whole + math.copysign(_NUDGE_ULPS * step, value - whole)
    return value


def replacing(new: dict[str, NativeValue], old: NativeMetadata) -> dict[str, NativeValue]:
    """Return *new* with None for every key of *old* that it lacks: Chroma would merge them otherwise."""
    stale = dict.fromkeys((key for key in old if key not in new), None)
    return {**new, **stale} if stale else new


def rows_of(native: NativeRows, projection: Projection) -> DocumentRows:
    """Return Chroma's rows as documents, with the columns of a projection.

    Raises:
        CorruptStoreError: what we wrote beside a row's flat metadata cannot be read.
    """
    metadatas: list[JsonObject] | None = None
    own: list[OwnFields] | None = None
    created: list[int] | None = None
    updated: list[int] | None = None
    if projection.metadata:
        metadatas, own, created, updated = [], [], [], []
        for one, flat in zip(native.ids, native.metadatas or (), strict=True):
            metadata, fields, first, last = _decoded(one, flat or {})
            metadatas.append(metadata)
            own.append(fields)
            created.append(first)
            updated.append(last)
    return DocumentRows(
        ids=native.ids,
        contents=[text or "" for text in native.documents or ()] if projection.content else None,
        metadatas=metadatas,
        vectors=native.vectors if projection.embedding else None,
        own=own,
        created_at=created,
        updated_at=updated,
    )


def _decoded(one: str, flat: NativeMetadata) -> tuple[JsonObject, OwnFields, int, int]:
    """Return metadata, own fields and times of one row; of another tool's row, its metadata as it is."""
    created = flat.get(CREATED_AT)
    if not isinstance(created, int):
        return cast("JsonObject", dict(flat)), NO_OWN_FIELDS, 0, 0
    metadata = {
        key: flat[key]
        for key in sorted(flat)  # Chroma gives them in a new order each time
        if key[:1] != "@" and type(flat[key]) is not list  # lists of ours are JSON: another row left this one
    }
    rest = flat.get(JSON)
    if rest is not None:
        try:
            metadata.update(orjson.loads(cast("str", rest)))
        except (ValueError, TypeError) as error:
            raise CorruptStoreError(
                f"document {shown(one)}: its metadata {JSON!r} is no JSON ({error}); write it again"
            ) from error
    own = cast("OwnFields", tuple(flat.get(key) for key in OWN_KEYS))
    return cast("JsonObject", metadata), own, created, cast("int", flat.get(UPDATED_AT, created))

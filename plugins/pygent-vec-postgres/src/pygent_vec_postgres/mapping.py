"""Which columns of somebody's table are what, and what their values become."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs

from pygent_vec.errors import ConfigError, hint
from pygent_vec_postgres.schema.layout import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pygent_vec.transfer.files import ReadOptions

__all__ = ["Mapped", "mapped", "plain", "spread_keys"]

_IDS = ("id", "uuid", "_id", "doc_id", "document_id", "node_id", "key")
_VECTORS = ("embedding", "embeddings", "vector", "emb")
_CONTENTS = ("content", "text", "document", "page_content", "body", "chunk")
_SPREAD = ("metadata", "cmetadata", "metadata_", "meta")
_VECTOR_TYPES = ("vector", "halfvec", "real[]", "double precision[]")
_TEXT_TYPES = ("text", "character varying", "character")
_INTEGER_TYPES = ("smallint", "integer", "bigint")
_OWN = {
    "title": _TEXT_TYPES,
    "source": _TEXT_TYPES,
    "document_type": _TEXT_TYPES,
    "chunk_index": _INTEGER_TYPES,
    "chunk_count": _INTEGER_TYPES,
    "created_at": ("timestamp with time zone", "timestamp without time zone"),
    "updated_at": ("timestamp with time zone", "timestamp without time zone"),
}


@attrs.frozen(kw_only=True)
class Mapped:
    """The columns that are read.

    Attributes:
        id: The ids.
        vector: The vectors.
        vector_type: Their type.
        content: The texts; None where there are none.
        own: Columns with the names and types of a document's own fields.
        spread: A column of JSON objects whose keys are metadata themselves.
        metadata: What else becomes metadata, a key for each.
        notes: What was guessed.
    """

    id: str
    vector: str
    vector_type: str
    content: str | None
    own: Sequence[str]
    spread: str | None
    metadata: Sequence[str]
    notes: Sequence[str]

    @property
    def selected(self) -> str:
        """The list of a SELECT, in the order id, vector, content, own, spread, metadata."""
        exact = "::float8[]" if self.vector_type == "double precision[]" else "::real[]"
        parts = [
            f"{quoted(self.id)}::text",
            f"{quoted(self.vector)}{exact}",
            "''" if self.content is None else quoted(self.content),
            *map(quoted, self.own),
            "NULL" if self.spread is None else f"{quoted(self.spread)}::text",
            *map(quoted, self.metadata),
        ]
        return ", ".join(f"{part} AS c{place}" for place, part in enumerate(parts))


def mapped(types: Mapping[str, str], options: ReadOptions, table: str) -> Mapped:
    """Return which columns are what: as the options say, or as their names and types suggest.

    Args:
        types: The columns of the table in their order, with their types.
        options: What was named.
        table: Its name.

    Raises:
        ConfigError: a column that was named is not there or no vector, or none suggests itself.
    """
    notes: list[str] = []
    vectors = [name for name, kind in types.items() if _is_vector(kind)]
    one = _chosen(types, options.id_column, [name for name in _IDS if name in types], "id", notes, table)
    usual = [name for name in _VECTORS if name in vectors] or (vectors if len(vectors) == 1 else [])
    vector = _chosen(types, options.vector_column, usual, "vector", notes, table)
    if vector not in vectors:
        raise ConfigError(
            f"the column {vector!r} of {table} is {types[vector]}, and vectors are {', '.join(_VECTOR_TYPES)}"
        )
    content = _content(types, options, notes, table)
    taken = {one, vector, content, *vectors}
    spread = None
    own: list[str] = []
    if options.metadata_columns is not None:
        others = [_there(types, name, "metadata", table) for name in options.metadata_columns]
        if len(others) == 1 and types[others[0]] in {"json", "jsonb"}:
            spread, others = others[0], []
    else:
        own = [name for name, kinds in _OWN.items() if types.get(name, "") in kinds and name not in taken]
        spread = next((name for name in _SPREAD if types.get(name) in {"json", "jsonb"}), None)
        others = [name for name in types if name not in {*taken, *own, spread}]
        if own:
            notes.append(f"the documents' own fields from the columns {', '.join(own)}")
        if others or spread:
            notes.append(f"metadata from {', '.join([*others, *([f'{spread}.*'] if spread else [])])}")
    return Mapped(
        id=one,
        vector=vector,
        vector_type=types[vector],
        content=content,
        own=own,
        spread=spread,
        metadata=others,
        notes=notes,
    )


def plain(value: Any, column: str, notes: list[str]) -> object:
    """Return a driver's value as metadata can hold it; what it cannot hold is left to the store's door.

    Dates and UUIDs become text, numerics numbers, and times without a zone are taken as UTC.
    """
    if isinstance(value, datetime):
        if value.tzinfo is None:
            _note(notes, f"the column {column} has times without a zone: they are read as UTC")
            return value.replace(tzinfo=UTC)
        return value
    if isinstance(value, Decimal):
        _note(notes, f"the numerics of the column {column} become integers or floats")
        whole = value == value.to_integral_value() if value.is_finite() else False
        return int(value) if whole else float(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, list):
        return [plain(one, column, notes) for one in value]
    return value


def spread_keys(text: str | None) -> dict[str, object]:
    """Return the keys of a JSON object in a column; none of a null."""
    found = None if text is None else json.loads(text)
    if found is None or isinstance(found, dict):
        return found or {}
    return {"metadata": found}


def _content(types: Mapping[str, str], options: ReadOptions, notes: list[str], table: str) -> str | None:
    guesses = [name for name in _CONTENTS if types.get(name) in _TEXT_TYPES]
    if options.content_column == "":
        return None
    if options.content_column is None and not guesses:
        notes.append(f"no column of {', '.join(_CONTENTS)}: the documents have no text")
        return None
    return _chosen(types, options.content_column, guesses, "content", notes, table)


def _chosen(
    types: Mapping[str, str],
    asked: str | None,
    guesses: Sequence[str],
    what: str,
    notes: list[str],
    table: str,
) -> str:
    if asked is not None:
        return _there(types, asked, what, table)
    if not guesses:
        raise ConfigError(
            f"no column of {table} looks like the {what}; name it with {what}_column. "
            f"There are: {', '.join(f'{name} {kind}' for name, kind in types.items())}"
        )
    notes.append(f"{what} from the column {guesses[0]}")
    return guesses[0]


def _there(types: Mapping[str, str], asked: str, what: str, table: str) -> str:
    if asked not in types:
        raise ConfigError(f"{table} has no column {asked!r} for the {what}{hint(asked, types)}")
    return asked


def _is_vector(kind: str) -> bool:
    return kind in _VECTOR_TYPES


def _note(notes: list[str], text: str) -> None:
    if text not in notes:
        notes.append(text)

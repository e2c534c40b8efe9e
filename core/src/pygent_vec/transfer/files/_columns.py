"""Tables that others have made: which of their columns are what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from pygent_vec.errors import ConfigError, hint
from pygent_vec.transfer.files._formats import arrow
from pygent_vec.transfer.files._options import ROW_NUMBERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from pygent_vec.transfer.files._options import ReadOptions

__all__ = ["Columns", "chosen_columns", "plain_values"]

_IDS = ("id", "_id", "doc_id", "document_id", "uuid", "key")
_VECTORS = ("embedding", "embeddings", "vector", "vectors", "emb")
_CONTENTS = ("content", "text", "document", "page_content", "body", "chunk")
_SPREAD = "metadata"


@attrs.frozen(kw_only=True)
class Columns:
    """Which columns of a table are what.

    Attributes:
        id: The ids; `#` for the rows' numbers.
        vector: The vectors.
        content: The texts; None where there are none.
        metadata: What becomes metadata, a key for each.
        spread: A column of objects whose keys are metadata themselves.
        notes: What was guessed.
    """

    id: str
    vector: str
    content: str | None
    metadata: Sequence[str]
    spread: str | None
    notes: Sequence[str]

    @property
    def names(self) -> list[str]:
        """All of them, as they are to be read."""
        named = (self.id, self.vector, self.content, self.spread, *self.metadata)
        return [name for name in dict.fromkeys(named) if name is not None and name != ROW_NUMBERS]


def chosen_columns(schema: pa.Schema, options: ReadOptions, name: str) -> Columns:
    """Return which columns of a table are what: as the options say, or as their names and types suggest.

    Raises:
        ConfigError: a column that was named is not there, or none suggests itself.
    """
    notes: list[str] = []
    one = _chosen(schema, options.id_column, _named(schema, _IDS), "id", notes, name)
    vector = _chosen(schema, options.vector_column, _vector_like(schema), "vector", notes, name)
    if options.content_column == "":
        content = None
    elif options.content_column is None and not _named(schema, _CONTENTS):
        content = None
        notes.append(f"no column of {', '.join(_CONTENTS)}: the documents have no text")
    else:
        content = _chosen(schema, options.content_column, _named(schema, _CONTENTS), "content", notes, name)
    others = [each for each in schema.names if each not in {one, vector, content}]
    spread = None
    if options.metadata_columns is None:
        others = [each for each in others if not _is_list_of_floats(schema.field(each).type)]
        if _SPREAD in others and arrow().types.is_struct(schema.field(_SPREAD).type):
            spread = _SPREAD
            others.remove(spread)
        if others or spread:
            notes.append(f"metadata from {', '.join([*others, *([f'{spread}.*'] if spread else [])])}")
    else:
        others = [_there(schema, each, "metadata", name) for each in options.metadata_columns]
    return Columns(id=one, vector=vector, content=content, metadata=others, spread=spread, notes=notes)


def plain_values(column: pa.Array, name: str, notes: list[str]) -> list[Any]:
    """Return a column's values as metadata can hold them.

    Times without a zone are taken as UTC, dates become their ISO text, finer times are cut to microseconds.
    """
    pa = arrow()
    kind = column.type
    if pa.types.is_timestamp(kind):
        if kind.tz is None:
            _note(notes, f"the column {name} has times without a zone: they are read as UTC")
        if kind.unit == "ns":
            _note(notes, f"the times of the column {name} are cut to microseconds")
        column = column.cast(pa.timestamp("us", tz=kind.tz), safe=False).cast(pa.timestamp("us", tz="UTC"))
    elif pa.types.is_date(kind):
        return [None if day is None else day.isoformat() for day in column.to_pylist()]
    values: list[Any] = column.to_pylist()
    return values


def _note(notes: list[str], text: str) -> None:
    if text not in notes:
        notes.append(text)


def _chosen(
    schema: pa.Schema,
    asked: str | None,
    guesses: Sequence[str],
    what: str,
    notes: list[str],
    name: str,
) -> str:
    if asked is not None:
        return asked if what == "id" and asked == ROW_NUMBERS else _there(schema, asked, what, name)
    if not guesses:
        advice = f", or use {ROW_NUMBERS} for the rows' numbers" if what == "id" else ""
        raise ConfigError(
            f"{name!r}: no column looks like the {what}; name it with {what}_column{advice}. "
            f"There are: {', '.join(schema.names) or 'none'}"
        )
    notes.append(f"{what} from the column {guesses[0]}")
    return guesses[0]


def _there(schema: pa.Schema, asked: str, what: str, name: str) -> str:
    if asked not in schema.names:
        raise ConfigError(f"{name!r} has no column {asked!r} for the {what}{hint(asked, schema.names)}")
    if schema.names.count(asked) > 1:
        raise ConfigError(f"{name!r} has several columns named {asked!r}; rename all but one")
    return asked


def _named(schema: pa.Schema, names: Sequence[str]) -> list[str]:
    return [name for name in names if name in schema.names]


def _vector_like(schema: pa.Schema) -> list[str]:
    lists = [field.name for field in schema if _is_list_of_floats(field.type)]
    named = [name for name in _VECTORS if name in lists]
    return named or (lists if len(lists) == 1 else [])


def _is_list_of_floats(kind: pa.DataType) -> bool:
    types = arrow().types
    is_list = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    return bool(is_list and types.is_floating(kind.value_type))

"""Filtering rows that a backend returned: the residual's work."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from pygent_vec.contract._requests import SearchHits
from pygent_vec.filters import matches
from pygent_vec.model import OWN_FIELDS, DocumentRows, rfc3339_from_micros

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.filters import Filter
    from pygent_vec.model import JsonValue

T = TypeVar("T")

__all__ = ["matching_rows", "passing", "taken"]


def passing(residual: Filter, hits: SearchHits) -> SearchHits:
    """Return the hits whose documents satisfy *residual*."""
    keep = matching_rows(residual, hits.rows)
    if len(keep) == len(hits.rows):
        return hits
    return SearchHits(rows=taken(hits.rows, keep), distances=hits.distances[np.array(keep, dtype=np.intp)])


def matching_rows(residual: Filter, rows: DocumentRows) -> list[int]:
    """Return the positions of the rows, with their metadata, that satisfy *residual*."""
    metadatas = rows.metadatas if rows.metadatas is not None else [{}] * len(rows)
    return [
        row for row, metadata in enumerate(metadatas) if matches(residual, metadata, _own_values(rows, row))
    ]


def taken(rows: DocumentRows, keep: Sequence[int]) -> DocumentRows:
    """Return some of *rows*, by position."""

    def chosen(column: Sequence[T] | None) -> list[T] | None:
        return None if column is None else [column[row] for row in keep]

    return DocumentRows(
        ids=[rows.ids[row] for row in keep],
        contents=chosen(rows.contents),
        metadatas=chosen(rows.metadatas),
        vectors=None if rows.vectors is None else rows.vectors[np.array(keep, dtype=np.intp)],
        own=chosen(rows.own),
        created_at=chosen(rows.created_at),
        updated_at=chosen(rows.updated_at),
    )


def _own_values(rows: DocumentRows, row: int) -> dict[str, JsonValue]:
    values: dict[str, JsonValue] = {"id": rows.ids[row]}
    if rows.own is not None:
        values.update(
            (name, value) for name, value in zip(OWN_FIELDS, rows.own[row], strict=True) if value is not None
        )
    if rows.created_at is not None:
        values["created_at"] = rfc3339_from_micros(rows.created_at[row])
    if rows.updated_at is not None:
        values["updated_at"] = rfc3339_from_micros(rows.updated_at[row])
    return values

"""Filtering rows that a backend returned: the residual's work."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from pygent_vec.contract._requests import SearchHits
from pygent_vec.filters import matches
from pygent_vec.model import OWN_FIELDS, DocumentRows, rfc3339_from_micros

if TYPE_CHECKING:
    from pygent_vec.filters import Filter
    from pygent_vec.model import JsonValue

T = TypeVar("T")

__all__ = ["matching_rows", "passing"]


def passing(residual: Filter, hits: SearchHits) -> SearchHits:
    """Return the hits whose documents satisfy *residual*."""
    keep = matching_rows(residual, hits.rows)
    if len(keep) == len(hits.rows):
        return hits
    return SearchHits(rows=hits.rows.take(keep), distances=hits.distances[np.array(keep, dtype=np.intp)])


def matching_rows(residual: Filter, rows: DocumentRows) -> list[int]:
    """Return the positions of the rows, with their metadata, that satisfy *residual*."""
    metadatas = rows.metadatas if rows.metadatas is not None else [{}] * len(rows)
    return [
        row for row, metadata in enumerate(metadatas) if matches(residual, metadata, _own_values(rows, row))
    ]


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

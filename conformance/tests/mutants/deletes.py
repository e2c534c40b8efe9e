"""Mutants that delete too much, too little, or count it wrongly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs
import numpy as np

from pygent_vec.contract import SearchHits
from pygent_vec.model import Projection

from .mutant import Broken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.contract import SearchRequest
    from pygent_vec.filters import Filter
    from pygent_vec.model import CollectionSpec

_WHOLE = Projection(embedding=True)


class DeleteReturnsTheRequest(Broken):
    """The length of the request instead of the rows that existed."""

    breaks: ClassVar = ("VS-239",)

    def _delete(self, spec: CollectionSpec, ids: Sequence[str]) -> int:
        super()._delete(spec, ids)
        return len(ids)


class DeletedDocumentsStillFound(Broken):
    """Removed from the table and not from the index."""

    breaks: ClassVar = ("VS-239",)

    def _delete(self, spec: CollectionSpec, ids: Sequence[str]) -> int:
        self._ghosts = [*getattr(self, "_ghosts", []), *self._fetch(spec, ids, _WHOLE).ids]
        return super()._delete(spec, ids)

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        found = super()._search(spec, request)
        ghosts = [one for one in getattr(self, "_ghosts", []) if one not in self._existing(spec).records]
        if not ghosts or request.projection.embedding:
            return found
        return [_haunted(hits, ghosts[0], request.k) for hits in found]


def _haunted(hits: SearchHits, ghost: str, limit: int) -> SearchHits:
    if len(hits.rows) >= limit or not len(hits.rows):
        return hits
    columns: dict[str, Any] = {}
    for field in attrs.fields(type(hits.rows)):
        column = getattr(hits.rows, field.name)
        columns[field.name] = None if column is None else [*column, column[-1]]
    columns["ids"] = [*hits.rows.ids, ghost]
    return SearchHits(
        rows=type(hits.rows)(**columns), distances=np.append(hits.distances, hits.distances[-1])
    )


class DeleteWhereStopsAtAPage(Broken):
    """One page of matches is deleted, the rest stays."""

    breaks: ClassVar = ("VS-240",)

    def _delete_where(self, spec: CollectionSpec, pushed: Filter) -> int:
        ids = self._scan(spec, None, 1000, pushed, Projection(content=False, metadata=False)).ids
        return self._delete(spec, ids)


class DeleteWhereReportsNothing(Broken):
    """A driver that does not tell how many rows went."""

    breaks: ClassVar = ("VS-240",)

    def _delete_where(self, spec: CollectionSpec, pushed: Filter) -> int:
        super()._delete_where(spec, pushed)
        return 0

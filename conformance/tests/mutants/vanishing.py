"""Mutants for which a collection is its name, and nothing more."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pygent_vec import CollectionNotFoundError
from pygent_vec.contract import SearchHits
from pygent_vec.model import DocumentRows

from .mutant import Broken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.contract import SearchRequest
    from pygent_vec.filters import Filter
    from pygent_vec.model import CollectionSpec


class _Distant(Broken):
    """The base of stores with a little time between looking a collection up and using it, as over a network."""

    def _collection(self, name: str) -> CollectionSpec | None:
        found = super()._collection(name)
        time.sleep(0.0005)
        return found


class ADeletedCollectionFindsNothing(_Distant):
    """A collection that was deleted a moment ago has no matches, says the search."""

    breaks: ClassVar = ("VS-216",)

    def _search(self, spec: CollectionSpec, request: SearchRequest) -> Sequence[SearchHits]:
        try:
            return super()._search(spec, request)
        except CollectionNotFoundError:
            nothing = DocumentRows(ids=[])
            return [SearchHits(rows=nothing, distances=np.empty(0)) for _ in request.vectors]


class ADeletedCollectionCountsNothing(_Distant):
    """A collection that was deleted a moment ago has no documents."""

    breaks: ClassVar = ("VS-216",)

    def _count(self, spec: CollectionSpec, pushed: Filter | None) -> int:
        try:
            return super()._count(spec, pushed)
        except CollectionNotFoundError:
            return 0


class ADeletedCollectionIsAnError(_Distant):
    """The driver's error for a table that is not there."""

    breaks: ClassVar = ("VS-216",)

    def _existing(self, spec: CollectionSpec) -> Any:
        try:
            return super()._existing(spec)
        except CollectionNotFoundError as error:
            raise LookupError('relation "victim" does not exist') from error


class ACollectionIsItsName(Broken):
    """Rows go to whichever collection has the name by now."""

    breaks: ClassVar = ("VS-222",)

    def _existing(self, spec: CollectionSpec) -> Any:
        found = self._data.get(spec.name)
        if found is None:
            raise CollectionNotFoundError(f"the collection {spec.name!r} was deleted meanwhile")
        return found

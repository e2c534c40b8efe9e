"""Mutants that read, page or count wrongly."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import attrs

from pygent_vec.model import Projection

from .mutant import Broken

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

    from pygent_vec import VectorDocument
    from pygent_vec.filters import Filter
    from pygent_vec.model import CollectionSpec, DocumentRows


class DocumentsInTheStoresOrder(Broken):
    """SELECT … WHERE id = ANY(…): the order asked is lost."""

    breaks: ClassVar = ("VS-245",)

    async def public_get_documents(
        self, ids: Iterable[str], *, collection: str | None = None
    ) -> list[VectorDocument | None]:
        found = await super().get_documents(ids, collection=collection)
        return sorted(found, key=lambda one: "" if one is None else one.id)


class MissingDocumentsLeftOut(Broken):
    """No None where a document is missing."""

    breaks: ClassVar = ("VS-245",)

    async def public_get_documents(
        self, ids: Iterable[str], *, collection: str | None = None
    ) -> list[VectorDocument | None]:
        return [one for one in await super().get_documents(ids, collection=collection) if one is not None]


class RepeatedIdsReadOnce(Broken):
    """An id asked twice is answered once."""

    breaks: ClassVar = ("VS-245",)

    async def public_get_documents(
        self, ids: Iterable[str], *, collection: str | None = None
    ) -> list[VectorDocument | None]:
        return await super().get_documents(dict.fromkeys(ids), collection=collection)


class DocumentsReadWithoutEmbedding(Broken):
    """get_document leaves the vector out."""

    breaks: ClassVar = ("VS-245",)

    def _fetch(self, spec: CollectionSpec, ids: Sequence[str], projection: Projection) -> DocumentRows:
        return super()._fetch(spec, ids, attrs.evolve(projection, embedding=False))


class IdsReadWithoutCase(Broken):
    """A case-insensitive collation on the primary key."""

    breaks: ClassVar = ("VS-101",)

    def _fetch(self, spec: CollectionSpec, ids: Sequence[str], projection: Projection) -> DocumentRows:
        known = {one.lower(): one for one in self._existing(spec).records}
        return super()._fetch(spec, [known.get(one.lower(), one) for one in ids], projection)


class IteratesByAge(Broken):
    """Pages in the order of insertion."""

    breaks: ClassVar = ("VS-246",)

    async def public_iter_documents(
        self,
        *,
        collection: str | None = None,
        filter: Filter | Mapping[str, object] | None = None,
        batch_size: int = 1000,
    ) -> AsyncIterator[VectorDocument]:
        found = [
            one
            async for one in super().iter_documents(
                collection=collection, filter=filter, batch_size=batch_size
            )
        ]
        records = self._data[collection or "default"].records
        order = {one: place for place, one in enumerate(records)}
        for document in sorted(found, key=lambda document: order.get(document.id, 0)):
            yield document


class IteratesOnePage(Broken):
    """A cursor that is not followed."""

    breaks: ClassVar = ("VS-246",)

    def _scan(
        self,
        spec: CollectionSpec,
        after_id: str | None,
        limit: int,
        pushed: Filter | None,
        projection: Projection,
    ) -> DocumentRows:
        if after_id is not None:
            return self._fetch(spec, [], projection)
        return super()._scan(spec, after_id, limit, pushed, projection)


class PagesOverlap(Broken):
    """`id >= after` instead of `id > after`: the last of a page is the first of the next."""

    breaks: ClassVar = ("VS-246",)

    def _scan(
        self,
        spec: CollectionSpec,
        after_id: str | None,
        limit: int,
        pushed: Filter | None,
        projection: Projection,
    ) -> DocumentRows:
        if after_id is None or limit == 1:
            return super()._scan(spec, after_id, limit, pushed, projection)
        rest = super()._scan(spec, after_id, limit - 1, pushed, projection)
        return self._fetch(spec, [after_id, *rest.ids], projection)


class PagesByOffset(Broken):
    """LIMIT … OFFSET: a delete between two pages makes the iteration skip."""

    breaks: ClassVar = ("VS-246", "VS-249")

    def _scan(
        self,
        spec: CollectionSpec,
        after_id: str | None,
        limit: int,
        pushed: Filter | None,
        projection: Projection,
    ) -> DocumentRows:
        self._offsets: dict[object, int] = getattr(self, "_offsets", {})
        start = 0 if after_id is None else self._offsets.get((spec.name, after_id), 0)
        everything = super()._scan(spec, None, 1_000_000, pushed, Projection(content=False)).ids
        rows = self._fetch(spec, everything[start : start + limit], projection)
        if rows.ids:
            self._offsets[(spec.name, rows.ids[-1])] = start + len(rows)
        return rows


class IterationIgnoresTheFilter(Broken):
    """filter is an argument of iter_documents that nobody reads."""

    breaks: ClassVar = ("VS-246",)

    async def public_iter_documents(
        self,
        *,
        collection: str | None = None,
        filter: Filter | Mapping[str, object] | None = None,
        batch_size: int = 1000,
    ) -> AsyncIterator[VectorDocument]:
        del filter
        async for one in super().iter_documents(collection=collection, batch_size=batch_size):
            yield one


class CountIgnoresTheFilter(Broken):
    """filter is an argument of count_documents that nobody reads."""

    breaks: ClassVar = ("VS-247",)

    def _count(self, spec: CollectionSpec, pushed: Filter | None) -> int:
        return super()._count(spec, None)


class CountStopsAtAThousand(Broken):
    """One page is counted."""

    breaks: ClassVar = ("VS-247",)

    def _count(self, spec: CollectionSpec, pushed: Filter | None) -> int:
        return min(1000, super()._count(spec, pushed))

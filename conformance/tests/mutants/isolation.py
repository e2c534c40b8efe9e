"""Mutants whose collections share a name, an id or a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import attrs

from .mutant import Broken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.contract import WriteMode
    from pygent_vec.model import CollectionSpec, DocumentRows, Projection, VectorBatch


class _Renaming(Broken):
    """The base of stores whose native names are not the contract's."""

    def native(self, name: str) -> str:
        """Return the name under which a collection is kept."""
        raise NotImplementedError

    def _create_collection(self, spec: CollectionSpec) -> bool:
        if self.native(spec.name) in self._data:
            return False
        made = super()._create_collection(spec)
        self._data[self.native(spec.name)] = self._data.pop(spec.name)
        return made

    def _drop_collection(self, name: str) -> bool:
        return super()._drop_collection(self.native(name))

    def _collection(self, name: str) -> CollectionSpec | None:
        found = super()._collection(self.native(name))
        return None if found is None else attrs.evolve(found, name=self.native(name))


class NamesLowered(_Renaming):
    """PostgreSQL lowers names that are not quoted."""

    breaks: ClassVar = ("VS-219", "VS-218")

    def native(self, name: str) -> str:
        return name.lower()


class NamesCut(_Renaming):
    """PostgreSQL cuts names at 63 bytes."""

    breaks: ClassVar = ("VS-219", "VS-218")

    def native(self, name: str) -> str:
        return name[:63]


class NamesCleaned(_Renaming):
    """Wrappers put _ for every character that their server refuses."""

    breaks: ClassVar = ("VS-219", "VS-218")

    def native(self, name: str) -> str:
        return name.replace("-", "_").replace(".", "_")


class OneSpaceOfIds(Broken):
    """Two collections share one id space: B's write destroys A's row."""

    breaks: ClassVar = ("VS-221",)

    def _write(
        self, spec: CollectionSpec, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool
    ) -> Sequence[str]:
        for name, other in self._data.items():
            for one in batch.ids if name != spec.name else ():
                other.records.pop(one, None)
        return super()._write(spec, batch, mode, preserve_created=preserve_created)


class DeletesInEveryCollection(Broken):
    """DELETE … WHERE id = ANY(…), and no collection."""

    breaks: ClassVar = ("VS-221",)

    def _delete(self, spec: CollectionSpec, ids: Sequence[str]) -> int:
        for name in [one for one in self._data if one != spec.name]:
            super()._delete(self._data[name].spec, ids)
        return super()._delete(spec, ids)


class ReadsAnotherCollection(Broken):
    """SELECT … WHERE id = ANY(…), and no collection."""

    breaks: ClassVar = ("VS-221", "VS-136")

    def _fetch(self, spec: CollectionSpec, ids: Sequence[str], projection: Projection) -> DocumentRows:
        for other in self._data.values():
            found = super()._fetch(other.spec, ids, projection)
            if found.ids:
                return found
        return super()._fetch(spec, ids, projection)


class DefaultIsTheLastOneMade(Broken):
    """No collection means the one that was used last."""

    breaks: ClassVar = ("VS-136",)

    def _collection(self, name: str) -> CollectionSpec | None:
        return super()._collection(list(self._data)[-1] if name == "default" and self._data else name)

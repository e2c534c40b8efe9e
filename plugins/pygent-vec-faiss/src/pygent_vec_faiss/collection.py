"""A collection: its life, from its folder to its parts and back."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

import attrs
import orjson

from pygent_vec.contract import Tuning
from pygent_vec.errors import BackendError, CollectionNotFoundError, ConfigError, CorruptStoreError, hint
from pygent_vec.model import CollectionSpec, CollectionStats, DistanceMetric, IndexSpec, rfc3339
from pygent_vec_faiss.filtering.columns import FilterColumns
from pygent_vec_faiss.parts import Parts
from pygent_vec_faiss.search.index import IndexParameters
from pygent_vec_faiss.slots import Slots
from pygent_vec_faiss.storage.documents import DocumentTable
from pygent_vec_faiss.storage.vectors import VectorFile, vector_file_name
from pygent_vec_faiss.upkeep import Upkeep

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pygent_vec.model import JsonValue

__all__ = ["Collection", "check_index", "create_folder"]

_SPEC, _EFFORT = "spec", "effort"
_OPTIONS = {"hnsw": ("m", "ef_construction"), "ivf_flat": ("nlist",)}


def check_index(index: IndexSpec) -> None:
    """Refuse options that the kind of index does not have.

    Raises:
        ConfigError: names the option, the value, and the nearest known one.
    """
    known = _OPTIONS.get(index.kind) or [name for names in _OPTIONS.values() for name in names]
    if index.kind == "flat" and index.options:
        raise ConfigError(f"an index of kind 'flat' has no options, and was given {dict(index.options)}")
    for name in index.options:
        if name not in known:
            raise ConfigError(f"an index of kind {index.kind!r} has no option {name!r}{hint(name, known)}")
    for name, value in index.options.items():
        if not isinstance(value, int) or isinstance(value, bool):
            raise ConfigError(f"the index option {name} must be an integer, got {value!r}")
    try:
        IndexParameters(**index.options)  # type: ignore[arg-type]  # checked above
    except ValueError as error:
        raise ConfigError(f"the index options {dict(index.options)} are out of range: {error}") from error


def create_folder(folder: Path, spec: CollectionSpec) -> None:
    """Fill the empty *folder* of a new collection, durably.

    Raises:
        BackendError: the file system refuses.
    """
    vectors = VectorFile.create(folder, dimension=spec.dimension)
    try:
        table = DocumentTable.create(folder, settings={_SPEC: _plain(spec)}, vectors=vectors.state)
        table.close()
    finally:
        vectors.close()


class Collection:
    """An open collection.

    Args:
        folder: Where it lives.
        name: What the folder's name says.
        build_budget: CPU seconds that a graph may cost under the index kind `auto`.
        stopped: Whether upkeep in progress should end.

    Raises:
        CorruptStoreError: a file is damaged, and nothing was changed.
        BackendError: the file system failed.
    """

    def __init__(self, folder: Path, name: str, *, build_budget: float, stopped: Callable[[], bool]) -> None:
        table = DocumentTable.open(folder)
        try:
            spec = _spec(folder, name, table.settings.get(_SPEC))
            vectors = VectorFile.open(folder, dimension=spec.dimension, state=table.vectors)
        except BaseException:
            table.close()
            raise
        try:
            effort = table.settings.get(_EFFORT)
            self.parts = Parts(
                spec=spec,
                folder=folder,
                table=table,
                vectors=vectors,
                slots=Slots(table.alive_slots(), vectors.count),
                columns=FilterColumns(table, slots=vectors.count),
                effort=effort if isinstance(effort, int) else None,
            )
            self._leaving = threading.Event()
            self.upkeep = Upkeep(
                self.parts,
                build_budget=build_budget,
                stopped=lambda: self._leaving.is_set() or stopped(),
            )
            self.upkeep.load()
            _remove_strays(folder, vectors.state.generation)
        except BaseException:
            vectors.close()
            table.close()
            raise

    @property
    def spec(self) -> CollectionSpec:
        """What it was created with."""
        return self.parts.spec

    @property
    def index(self) -> IndexSpec:
        """The index as it is now."""
        index = self.parts.index
        if index is None:
            return IndexSpec("flat")
        options = attrs.asdict(index.parameters)
        return IndexSpec(index.kind, options={name: options[name] for name in _OPTIONS[index.kind]})

    def tuning(self) -> Tuning:
        """Return the search efforts of the index."""
        index = self.parts.index
        if index is None:
            return Tuning()
        return Tuning(efforts=index.efforts, effort=self.parts.effort or index.default_effort)

    def set_effort(self, effort: int) -> None:
        """Persist a search effort."""
        with self.parts.writing:
            self.parts.check()
            with self.parts.table.transaction() as change:
                change.set(_EFFORT, effort)
                change.commit()
                self.parts.effort = effort

    def stats(self) -> CollectionStats:
        """Return its size. For a holder of the shared lock."""
        parts, index = self.parts, self.parts.index
        words = "flat (exact)"
        held = 0
        if index is not None:
            words = f"{index.kind}, {index.count} of {len(parts.slots)} slots"
            held = index.memory_bytes
        if parts.slots.dead:
            words += f", {parts.slots.dead} dead"
        return CollectionStats(
            document_count=parts.table.count,
            dimension=parts.spec.dimension,
            index=words,
            disk_bytes=_size_of(parts.folder),
            memory_bytes=held + parts.slots.nbytes + parts.columns.nbytes,
        )

    def close(self) -> None:
        """Save the index, where there is room for it, and close the files."""
        try:
            with suppress(BackendError):  # the index is a cache: the next open builds what is missing
                self.upkeep.save()
        finally:
            self.parts.close()

    def drop(self, remove: Callable[[], bool]) -> bool:
        """Remove the folder by *remove*, let nobody in any more, and close the files.

        Where *remove* fails, the collection goes on as before.
        """
        parts = self.parts
        self._leaving.set()  # an index in the making is given up, or this would wait for it
        try:
            with parts.upkeep, parts.writing, parts.lock.exclusive:
                removed = remove()
                parts.fault = CollectionNotFoundError(f"the collection {parts.spec.name!r} was deleted")
                parts.index = None
                parts.abandon()
        except BaseException:
            self._leaving.clear()
            raise
        return removed


def _size_of(folder: Path) -> int:
    """Return the bytes of the files in *folder*; upkeep may be replacing some of them."""
    size = 0
    for file in folder.iterdir():
        with suppress(FileNotFoundError):
            size += file.stat().st_size
    return size


def _plain(spec: CollectionSpec) -> JsonValue:
    return {
        "name": spec.name,
        "dimension": spec.dimension,
        "distance_metric": spec.distance_metric.value,
        "index": {"kind": spec.index.kind, "options": dict(spec.index.options)},
        "metadata": spec.metadata,
        "created_at": rfc3339(spec.created_at),
    }


def _spec(folder: Path, name: str, stored: object) -> CollectionSpec:
    try:
        plain = orjson.loads(orjson.dumps(stored))
        spec = CollectionSpec(
            name=plain["name"],
            dimension=plain["dimension"],
            distance_metric=DistanceMetric(plain["distance_metric"]),
            index=IndexSpec(plain["index"]["kind"], options=plain["index"]["options"]),
            metadata=plain["metadata"],
            created_at=datetime.fromisoformat(plain["created_at"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptStoreError(
            f"{folder}: what the collection was created with cannot be read ({error}); "
            "restore the folder from a backup"
        ) from error
    if spec.name != name:
        raise CorruptStoreError(
            f"{folder} holds the collection {spec.name!r}; rename the folder back, or delete it"
        )
    return spec


def _remove_strays(folder: Path, generation: int) -> None:
    """Remove files of other generations, which an interrupted compaction left."""
    kept = {vector_file_name(generation), f"index-{generation}.faiss"}
    for pattern in ("vectors-*.f32", "index-*.faiss*"):
        for file in folder.glob(pattern):
            if file.name not in kept:
                file.unlink(missing_ok=True)

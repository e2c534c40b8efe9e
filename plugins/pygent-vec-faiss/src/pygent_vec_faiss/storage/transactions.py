"""Changes of a collection's documents, all or nothing."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Self, TypeAlias, cast

import attrs
import numpy as np
import orjson

from pygent_vec.contract import WriteMode
from pygent_vec_faiss.storage.failures import storage_error
from pygent_vec_faiss.storage.integrity import fold
from pygent_vec_faiss.storage.rows import encoded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from pygent_vec.model import Int64Vector, JsonValue, VectorBatch
    from pygent_vec_faiss.storage.database import Database
    from pygent_vec_faiss.storage.ledger import Ledger
    from pygent_vec_faiss.storage.vectors import VectorState

__all__ = ["ExistingRow", "Transaction", "WritePlan", "plan_write"]

ExistingRow: TypeAlias = tuple[int, int, int]
"""Of a stored document: slot, created_at, checksum."""
_WORD = 1 << 64
_INSERT = "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_DELETE = "DELETE FROM documents WHERE slot IN (SELECT value FROM json_each(?))"
_FIND = "SELECT slot, checksum FROM json_each(?) CROSS JOIN documents ON slot = value"
_RENUMBER = "UPDATE documents SET slot = ? WHERE slot = ?"
_NUMPY = orjson.OPT_SERIALIZE_NUMPY


@attrs.frozen(kw_only=True, eq=False)
class WritePlan:
    """What a write will do, known before the vectors are appended.

    Attributes:
        places: int64 `[m]`, the positions in the batch to write, ascending.
        replaced: For each id that is written and exists, its present row.
        conflicts: The ids that forbid the write under `WriteMode.ERROR`; then `places` is empty.
    """

    places: Int64Vector
    replaced: Mapping[str, ExistingRow]
    conflicts: Sequence[str] = ()

    @property
    def dead_slots(self) -> Int64Vector:
        """The slots that the write leaves without a document, int64, ascending."""
        slots = np.fromiter((row[0] for row in self.replaced.values()), np.int64, len(self.replaced))
        slots.sort()
        return slots


def plan_write(ids: Sequence[str], existing: Mapping[str, ExistingRow], mode: WriteMode) -> WritePlan:
    """Return what a write of unique *ids* will do, given those that exist."""
    everything = np.arange(len(ids), dtype=np.int64)
    if mode is WriteMode.OVERWRITE or not existing:
        places = everything if mode is not WriteMode.UPDATE or existing else everything[:0]
        return WritePlan(places=places, replaced=existing)
    if mode is WriteMode.ERROR:
        return WritePlan(
            places=everything[:0], replaced={}, conflicts=[key for key in ids if key in existing]
        )
    known = np.fromiter((key in existing for key in ids), np.bool_, len(ids))
    if mode is WriteMode.SKIP:
        return WritePlan(places=np.flatnonzero(~known), replaced={})
    return WritePlan(places=np.flatnonzero(known), replaced=existing)


class Transaction:
    """One write transaction: staged changes are seen by nobody until `commit`, and gone without it.

    Use it in a `with` block; leaving the block without a commit rolls back.
    """

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger
        self._count = ledger.state.count
        self._fold = ledger.state.fold
        self._settings: dict[str, JsonValue] = {}

    def __enter__(self) -> Self:
        self._ledger.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ledger.rollback()

    def write(
        self, plan: WritePlan, batch: VectorBatch, first_slot: int, *, preserve_created: bool = False
    ) -> None:
        """Stage the planned rows of *batch* in consecutive slots; the rows that they replace go.

        A replaced document hands its `created_at` on, unless *preserve_created*.

        Args:
            plan: Of this batch, made since the last commit.
            batch: With contents, metadatas, created_at and updated_at set.
            first_slot: Where the vectors of `plan.places` were appended.
            preserve_created: Whether to take the batch's `created_at` also for replaced documents.

        Raises:
            BackendError: the disk is full or failed.
        """
        created_at = cast("list[int]", batch.created_at.tolist())  # type: ignore[union-attr]  # a backend gets it set
        if plan.replaced:
            if not preserve_created:
                for place in plan.places.tolist():
                    created_at[place] = plan.replaced.get(batch.ids[place], (0, created_at[place]))[1]
            self._remove([(slot, checksum) for slot, _, checksum in plan.replaced.values()])
        rows = encoded(batch, plan.places.tolist(), first_slot, created_at)
        self._run_many(_INSERT, rows)
        self._count += len(rows)
        self._add([(row[0], row[-1]) for row in rows])

    def delete(self, slots: Int64Vector) -> int:
        """Stage the deletion of the documents in *slots*; return how many there were.

        Raises:
            BackendError: the disk is full or failed.
        """
        found = self._run(_FIND, orjson.dumps(slots, option=_NUMPY).decode())
        self._remove(cast("list[tuple[int, int]]", found))
        return len(found)

    def renumber(self, old: Int64Vector, new: Int64Vector) -> None:
        """Stage the move of documents to other slots, for compaction.

        Args:
            old: int64 `[n]`, ascending.
            new: int64 `[n]`, ascending, each at most its old slot, so that no two documents meet.

        Raises:
            BackendError: the disk is full or failed.
        """
        moved = old != new
        self._run_many(_RENUMBER, zip(new[moved].tolist(), old[moved].tolist(), strict=True))
        self._fold = 0
        self._add(cast("list[tuple[int, int]]", self._run("SELECT slot, checksum FROM documents")))

    def set(self, key: str, value: JsonValue) -> None:
        """Stage a setting."""
        self._settings[key] = value

    def commit(self, vectors: VectorState | None = None) -> None:
        """Make the staged changes durable and visible. What it returns from is acknowledged.

        Args:
            vectors: The vector file from now on; None leaves it as it is.

        Raises:
            BackendError: the disk is full or failed; everything is as before the transaction.
        """
        state = attrs.evolve(
            self._ledger.state,
            count=self._count,
            fold=self._fold,
            vectors=vectors or self._ledger.state.vectors,
        )
        self._ledger.commit(state, self._settings)

    def _remove(self, pairs: list[tuple[int, int]]) -> None:
        self._run(_DELETE, orjson.dumps([slot for slot, _ in pairs]).decode())
        self._count -= len(pairs)
        self._fold = (self._fold - _folded(pairs)) % _WORD

    def _add(self, pairs: list[tuple[int, int]]) -> None:
        self._fold = (self._fold + _folded(pairs)) % _WORD

    def _run(self, statement: str, *parameters: str) -> list[tuple[object, ...]]:
        try:
            return self._database.writer.execute(statement, parameters).fetchall()
        except sqlite3.Error as error:
            raise storage_error(error, self._database.path) from error

    def _run_many(self, statement: str, rows: object) -> None:
        try:
            self._database.writer.executemany(statement, rows)  # type: ignore[arg-type]
        except sqlite3.Error as error:
            raise storage_error(error, self._database.path) from error


def _folded(pairs: list[tuple[int, int]]) -> int:
    slots = np.array([slot for slot, _ in pairs], dtype=np.int64)
    return fold(slots, np.array([checksum for _, checksum in pairs], dtype=np.int64))

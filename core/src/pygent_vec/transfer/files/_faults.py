"""Rows that cannot be taken: counted, remembered with their places, and refused beyond a limit."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import attrs

from pygent_vec.errors import InvalidDocumentError, shown

if TYPE_CHECKING:
    from pygent_vec.model import JsonObject

__all__ = ["KEPT", "Rejection", "Rejections"]

KEPT = 100
"""So many rejected rows are kept for the report; the rest is counted."""


@attrs.frozen(kw_only=True)
class Rejection:
    """A row that was not taken.

    Attributes:
        place: Where it stands, such as `line 7` of a text or `row 7` of a table; both count from 1.
        id: The document's id, where it has one.
        reason: What is wrong with it.
    """

    place: str
    id: str | None
    reason: str

    def to_dict(self) -> JsonObject:
        """Return it as JSON."""
        return {"place": self.place, "id": self.id, "reason": self.reason}


class Rejections:
    """The rows of one import that were not taken. Threads may share it.

    Args:
        limit: How many are passed over; one more ends the import.

    Attributes:
        count: How many there are.
        kept: The first of them.
    """

    def __init__(self, limit: int = 0) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self.count = 0
        self.kept: list[Rejection] = []

    def add(self, where: str, place: str, reason: str, *, id: str | None = None) -> None:
        """Remember a row that is not taken.

        Args:
            where: The file.
            place: The row.
            reason: What is wrong with it.
            id: Its id, where it has one.

        Raises:
            InvalidDocumentError: there are more than the limit.
        """
        with self._lock:
            self.count += 1
            if len(self.kept) < KEPT:
                self.kept.append(Rejection(place=place, id=id, reason=reason))
            over = self.count > self._limit
        if over:
            name = "" if id is None else f" (id {shown(id)})"
            allowed = "no row may be faulty" if not self._limit else f"{self._limit} faulty rows are allowed"
            raise InvalidDocumentError(
                f"{where}: {place}{name}: {reason}. Here {allowed}; mend the file, or pass faulty rows over "
                'with max_errors. Documents of earlier batches may be written: with on_conflict="skip" '
                "another run goes on behind them"
            )

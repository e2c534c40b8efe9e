"""Writes that are too large for one request: in parts, and taken back as a whole when one of them fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
from pybase64 import b64encode_as_string

from pygent_vec.errors import BackendError, PygentVecError
from pygent_vec_chroma.driver import Driver, Include
from pygent_vec_chroma.failures import TooLargeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pygent_vec.model import Float32Matrix
    from pygent_vec_chroma.driver import NativeCollection, NativeMetadata

__all__ = ["Rows", "write_in_parts"]

_ALL = Include(documents=True, metadatas=True, vectors=True)


@attrs.frozen(kw_only=True, eq=False)
class Rows:
    """Rows to be written."""

    ids: Sequence[str]
    vectors: Float32Matrix
    documents: Sequence[str | None] | None
    metadatas: Sequence[NativeMetadata | None] | None

    def body(self) -> dict[str, object]:
        """Return the request that writes them."""
        rows = np.ascontiguousarray(self.vectors, dtype="<f4")
        return {
            "ids": self.ids,
            "embeddings": [b64encode_as_string(row) for row in rows],
            "documents": self.documents,
            "metadatas": self.metadatas,
        }

    def part(self, rows: slice) -> Rows:
        """Return some of the rows."""
        return Rows(
            ids=self.ids[rows],
            vectors=self.vectors[rows],
            documents=None if self.documents is None else self.documents[rows],
            metadatas=None if self.metadatas is None else self.metadatas[rows],
        )


def write_in_parts(
    driver: Driver, collection: NativeCollection, rows: Rows, send: Callable[[Rows], None]
) -> None:
    """Write *rows* by as many calls of *send* as it takes; on failure put back what was there before.

    Raises:
        BackendError: one row alone is too large, or a part could not be written.
    """
    before = driver.get(collection, ids=rows.ids, include=_ALL)
    written: list[str] = []
    try:
        _send_halves(rows, send, written)
    except BaseException as error:
        try:
            driver.delete(collection, written)
            kept = [place for place, one in enumerate(before.ids) if one in set(written)]
            if kept and before.vectors is not None:
                driver.add(
                    collection,
                    ids=[before.ids[place] for place in kept],
                    vectors=before.vectors[kept],
                    documents=None if before.documents is None else [before.documents[p] for p in kept],
                    metadatas=None if before.metadatas is None else [before.metadatas[p] for p in kept],
                )
        except PygentVecError as second:
            raise BackendError(
                f"a batch was written in part ({error}), and that part could not be taken back ({second}); "
                "write the batch again"
            ) from error
        raise


def _send_halves(rows: Rows, send: Callable[[Rows], None], written: list[str]) -> None:
    middle = len(rows.ids) // 2
    for half in (rows.part(slice(middle)), rows.part(slice(middle, None))):
        try:
            send(half)
        except TooLargeError:
            if len(half.ids) == 1:
                raise
            _send_halves(half, send, written)
        else:
            written += half.ids

"""How a collection is written: what exists is looked up, and one call of Chroma's writes the whole batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pygent_vec.contract import WriteMode
from pygent_vec.errors import DocumentExistsError, UnsupportedFeatureError
from pygent_vec_chroma.document import encoded, replacing
from pygent_vec_chroma.driver import Include
from pygent_vec_chroma.filtering.matching import matching_ids
from pygent_vec_chroma.keys import CREATED_AT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pygent_vec.filters import Filter
    from pygent_vec.model import VectorBatch
    from pygent_vec_chroma.catalogue import Handle
    from pygent_vec_chroma.driver import NativeMetadata

__all__ = ["delete", "delete_where", "write"]


def write(handle: Handle, batch: VectorBatch, mode: WriteMode, *, preserve_created: bool) -> list[str]:
    """Write a batch, all or nothing; return the ids written, in order.

    Raises:
        DocumentExistsError: under `WriteMode.ERROR`; nothing was written.
        InvalidDocumentError: a document has more values than Chroma takes of one; nothing was written.
        UnsupportedFeatureError: another tool made the collection.
    """
    _refuse_foreign(handle)
    stored = _stored(handle, batch.ids, metadatas=mode in (WriteMode.OVERWRITE, WriteMode.UPDATE))
    if stored and mode is WriteMode.ERROR:
        raise DocumentExistsError([one for one in batch.ids if one in stored], handle.spec.name)
    places = _places(batch, mode, stored)
    if not places:
        return []
    ids = [batch.ids[place] for place in places]
    rows = encoded(batch, places, _created_at(batch, places, stored, preserve_created=preserve_created))
    if batch.contents is None:
        raise TypeError("core gives a backend batches whose columns are set")
    vectors = batch.vectors
    if len(places) < len(batch):
        vectors = vectors[np.array(places, dtype=np.intp)]
    replaces = any(one in stored for one in ids)
    # Where other processes write too, an id may appear meanwhile, and Chroma's add would pass over it.
    put = handle.driver.upsert if replaces or handle.multi_process else handle.driver.add
    handle.vectors.forget(ids)
    put(
        handle.native,
        ids=ids,
        vectors=vectors,
        documents=[batch.contents[place] for place in places],
        metadatas=[
            replacing(row, stored[one]) if one in stored else row for one, row in zip(ids, rows, strict=True)
        ],
    )
    if not handle.multi_process:
        handle.vectors.keep(ids, vectors)
    return ids


def _stored(handle: Handle, ids: Sequence[str], *, metadatas: bool) -> dict[str, NativeMetadata]:
    """Return those of *ids* that exist, with their native metadata if it is wanted."""
    found = handle.driver.get(handle.native, ids=ids, include=Include(metadatas=metadatas))
    held = found.metadatas if found.metadatas is not None else [None] * len(found.ids)
    return {one: metadata or {} for one, metadata in zip(found.ids, held, strict=True)}


def _places(batch: VectorBatch, mode: WriteMode, stored: Mapping[str, NativeMetadata]) -> list[int]:
    """Return which rows of the batch are written."""
    if mode is WriteMode.SKIP:
        return [place for place, one in enumerate(batch.ids) if one not in stored]
    if mode is WriteMode.UPDATE:
        return [place for place, one in enumerate(batch.ids) if one in stored]
    return list(range(len(batch)))


def _created_at(
    batch: VectorBatch, places: Sequence[int], stored: Mapping[str, NativeMetadata], *, preserve_created: bool
) -> list[int]:
    """Return the creation times of the rows written: those of replaced documents stay."""
    if batch.created_at is None:
        raise TypeError("core gives a backend batches whose columns are set")
    given: list[int] = batch.created_at.tolist()
    if preserve_created or not stored:
        return [given[place] for place in places]
    times = []
    for place in places:
        held = stored.get(batch.ids[place], {}).get(CREATED_AT)
        times.append(held if isinstance(held, int) else given[place])
    return times


def delete(handle: Handle, ids: Sequence[str]) -> int:
    """Delete documents, all or nothing; return how many existed.

    Raises:
        UnsupportedFeatureError: another tool made the collection.
    """
    _refuse_foreign(handle)
    existing = handle.driver.get(handle.native, ids=ids).ids
    if existing:
        handle.vectors.forget(existing)
        handle.driver.delete(handle.native, existing)
    return len(existing)


def delete_where(handle: Handle, pushed: Filter) -> int:
    """Delete what satisfies *pushed*; return how many.

    Raises:
        UnsupportedFeatureError: another tool made the collection.
    """
    _refuse_foreign(handle)
    ids = matching_ids(handle.driver, handle.native, pushed)
    handle.vectors.forget(ids)
    step = handle.driver.limits.rows
    for start in range(0, len(ids), step):
        handle.driver.delete(handle.native, ids[start : start + step])
    return len(ids)


def _refuse_foreign(handle: Handle) -> None:
    if handle.foreign:
        raise UnsupportedFeatureError(
            f"the collection {handle.spec.name!r} was made by another tool and is only read here; "
            "copy it into a collection of this store to change it"
        )

"""What the rooms above ask a store about its collections, beside the public calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec.contract._planning import collection_spec

if TYPE_CHECKING:
    from pygent_vec.contract._store import VectorStore
    from pygent_vec.model import CollectionSpec

__all__ = ["default_collection_of", "spec_of"]


async def spec_of(store: VectorStore, collection: str | None) -> CollectionSpec:
    """Return what a collection was created with, without counting its documents.

    Raises:
        CollectionNotFoundError: it does not exist.
    """
    return await store._enter(
        "get_collection_info", lambda: collection_spec(store, store._context, collection)
    )


def default_collection_of(store: VectorStore) -> str:
    """Return the name that a collection of None means there."""
    return store._context.default_collection

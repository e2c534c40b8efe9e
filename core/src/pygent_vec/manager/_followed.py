"""Changing where a collection is, and knowing of its writes, while the manager is in use."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pygent_vec.manager._reads import RoutedReads

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pygent_vec.manager._following import Follower
    from pygent_vec.manager._settings import Route

__all__ = ["FollowedStores"]


class FollowedStores(RoutedReads):
    """What a live migration needs of a manager: routes that change, and writes that are followed.

    Args:
        settings: As of `VectorStoreManager`.
        db_manager: As of `VectorStoreManager`.
    """

    @asynccontextmanager
    async def writes_paused(self) -> AsyncIterator[None]:
        """Hold back new writes through this manager, with none inside; for changing routes.

        A write that was given up after a timeout, and may still take effect, is waited for too.
        """
        async with self._writes.closed():
            await self._calls.drain()
            yield

    def set_route(self, route: Route) -> None:
        """Let *route* count before all others, in place of one for the same name or pattern.

        Writes that are inside go where the old route sends them; see `writes_paused`.

        Raises:
            ConfigError: it names a store that is not there.
        """
        for name in route.stores:
            self._slot(name)
        self._router.put(route)

    def follow(self, store: str, collection: str, follower: Follower) -> None:
        """Let *follower* know of each write through this manager to a collection of a store.

        Raises:
            ConfigError: there is no such store, or the collection has a follower.
        """
        self._slot(store)
        self._following.add(store, collection, follower)

    def unfollow(self, store: str, collection: str) -> None:
        """Let nobody follow a collection of a store."""
        self._following.remove(store, collection)

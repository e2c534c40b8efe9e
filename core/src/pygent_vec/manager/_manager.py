"""VectorStoreManager: many stores behind one face."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec.errors import InvalidQueryError, shown
from pygent_vec.manager._federation import ask_all, fused
from pygent_vec.manager._health import check_all, measure_all
from pygent_vec.manager._routed import RoutedStores
from pygent_vec.model import VectorQuery

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pygent_vec.manager._federation import Fusion
    from pygent_vec.manager._reports import FederatedAnswer, GlobalStats, ManagerHealth, StoreAnswer

__all__ = ["VectorStoreManager"]


class VectorStoreManager(RoutedStores):
    """Many stores behind one face: each opened when it is first used, each failing by itself.

    ```python
    async with VectorStoreManager({"default_type": "faiss", "persist_directory": "./library"}) as manager:
        await manager.create_collection("articles", 384)
        results = await manager.search_similar(VectorQuery(query_vector=vector, collection="articles"))
    ```

    Methods that a store has too take *store*, a name; without one, routes say where a collection is. The
    manager belongs to the asyncio event loop in which it is used.

    Args:
        settings: `ManagerSettings`; a mapping, of stores by name or of one store in the old form; the path
            of a TOML file; an object with the old attributes; or None for the file that is found from the
            working directory upwards. Environment variables `PYGENT_VEC_…` win over a file.
        db_manager: An object with the address of a database, for PostgreSQL stores that are given none.

    Raises:
        ConfigError: a setting is unknown or does not fit; the message names the nearest one.
    """

    async def search_all_stores(
        self, query: VectorQuery, *, stores: Iterable[str] | None = None, deadline: float | None = None
    ) -> dict[str, StoreAnswer]:
        """Return what each store answers, asked at the same time.

        A store that fails or is too slow answers with an error, never with an empty list. A collection of
        None is each store's own default collection.

        Args:
            query: The search.
            stores: Which to ask; None means all.
            deadline: Seconds that each store has; None means the configured ones.

        Raises:
            ConfigError: a store is unknown.
        """
        _check(query)
        return await ask_all(self._chosen(stores), self._calls, query, self._deadline(deadline))

    async def search_federated(
        self,
        query: VectorQuery,
        *,
        fusion: Fusion = "auto",
        deduplicate: bool = False,
        stores: Iterable[str] | None = None,
        deadline: float | None = None,
    ) -> FederatedAnswer:
        """Return one ranked list from all stores, with the errors of those that failed beside it.

        Args:
            query: The search; its offset and limit count in the fused list.
            fusion: `"score"` compares distances, which needs one metric and embedding model in all stores;
                `"rrf"` is reciprocal rank fusion; `"auto"` takes the first where it can.
            deduplicate: Whether an id is in the list only once.
            stores: Which to ask; None means all.
            deadline: Seconds that each store has; None means the configured ones.

        Raises:
            InvalidQueryError: `fusion="score"` where distances cannot be compared.
            ConfigError: a store is unknown.
            PygentVecError: no store answered; the first one's error.
        """
        _check(query)
        return await fused(
            self._chosen(stores),
            self._calls,
            query,
            self._deadline(deadline),
            fusion=fusion,
            deduplicate=deduplicate,
        )

    async def health_check(self, *, deadline: float | None = None) -> ManagerHealth:
        """Return the health of all stores, checked at the same time; a dead store is a report."""
        problems = (*self._shadows.problems, *self._observers.problems)
        return await check_all(self._chosen(None), self._calls, self._deadline(deadline), problems)

    async def get_global_stats(self, *, deadline: float | None = None) -> GlobalStats:
        """Return the sizes of all stores, measured at the same time; errors stand beside them."""
        return await measure_all(self._chosen(None), self._calls, self._deadline(deadline))

    def _deadline(self, given: float | None) -> float:
        return self._settings.deadline if given is None else given


def _check(query: object) -> None:
    if not isinstance(query, VectorQuery):
        raise InvalidQueryError(f"expected a VectorQuery, got {shown(query)}")

"""Which stores a collection is in."""

from __future__ import annotations

import re
from fnmatch import translate
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.manager._settings import Route

__all__ = ["RouteExplanation", "Router"]


@attrs.frozen(kw_only=True)
class RouteExplanation:
    """Where a collection is, and why.

    Attributes:
        collection: Its name.
        read: The store that answers.
        write: The stores that are written, the first one first.
        shadow: Stores that are written too, and whose failures fail nothing.
        rule: The route's name or pattern; None where the default counts.
        reason: In words.
    """

    collection: str
    read: str
    write: tuple[str, ...]
    shadow: tuple[str, ...]
    rule: str | None
    reason: str


class Router:
    """Routes in their order; case counts."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = [(re.compile(translate(route.collection)), route) for route in routes]

    def explain(self, collection: str, default: str) -> RouteExplanation:
        """Return where *collection* is; without a route in the store *default*."""
        for place, (pattern, route) in enumerate(self._routes, start=1):
            if pattern.match(collection):
                return RouteExplanation(
                    collection=collection,
                    read=route.read,
                    write=route.write,
                    shadow=route.shadow,
                    rule=route.collection,
                    reason=f"route number {place} ({route.collection!r}) is the first that fits",
                )
        return RouteExplanation(
            collection=collection,
            read=default,
            write=(default,),
            shadow=(),
            rule=None,
            reason=f"no route fits, so it is in the default store {default!r}",
        )

    def put(self, route: Route) -> None:
        """Let *route* count before all others, in place of one for the same name or pattern."""
        kept = [pair for pair in self._routes if pair[1].collection != route.collection]
        self._routes = [(re.compile(translate(route.collection)), route), *kept]

    def naming(self, store: str) -> list[str]:
        """Return the names or patterns of the routes that name *store*."""
        return [route.collection for _, route in self._routes if store in route.stores]

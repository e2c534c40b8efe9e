"""What share of a collection matches a filter, remembered for a while."""

from __future__ import annotations

from collections import OrderedDict
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

__all__ = ["Shares", "filter_key"]

_MOST = 1000
_FRESH_SECONDS = 60.0


class Shares:
    """The shares of matching rows by collection and filter; the ones used longest ago are forgotten."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def get(self, key: Hashable) -> float | None:
        """Return what was found out at most a minute ago."""
        known = self._known.get(key)
        if known is None or monotonic() - known[0] > _FRESH_SECONDS:
            return None
        self._known.move_to_end(key)
        return known[1]

    def keep(self, key: Hashable, share: float) -> None:
        """Remember a share: above 0, up to 1."""
        self._known[key] = (monotonic(), share)
        self._known.move_to_end(key)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)


def filter_key(uid: int, where: str, values: Sequence[object]) -> Hashable:
    """Return what tells filters of collections apart."""
    return (uid, where, tuple(tuple(value) if isinstance(value, list) else value for value in values))

"""How old code learns of the new calls: each is named once."""

from __future__ import annotations

import warnings

__all__ = ["Deprecations"]


class Deprecations:
    """The warnings of one manager with its stores, or of one store."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def warn(self, old: str, new: str) -> None:
        """Warn whoever calls the caller, at the first use of *old*, that *new* has taken its place."""
        if old not in self._told:
            self._told.add(old)
            warnings.warn(f"{old} is deprecated; use {new}", DeprecationWarning, stacklevel=3)

"""Mutants by name, for a child process that makes its store from `module:attribute`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .journal import JournaledStore
from .roster import by_hand
from .shared import SharedStore

if TYPE_CHECKING:
    from pygent_vec_conformance.target import StoreTarget

__all__ = ["target_named"]


def target_named(name: str) -> StoreTarget:
    """Return the target of the mutant of this name, or of the right store that they derive from."""
    for mutant in (JournaledStore.mutant(), SharedStore.mutant(), *by_hand()):
        if mutant.name == name:
            return mutant.target()
    raise AttributeError(f"no mutant is called {name!r}")


def __getattr__(name: str) -> StoreTarget:
    return target_named(name)

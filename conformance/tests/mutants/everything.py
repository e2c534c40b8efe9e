"""All mutants by name."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from .automatic import automatic, equivalents
from .roster import by_hand

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .mutant import Mutant

__all__ = ["living", "mutant_named", "mutants"]


@cache
def mutants() -> Mapping[str, Mutant]:
    """Return every mutant, made by hand or automatic, by its name."""
    return {mutant.name: mutant for mutant in (*by_hand(), *automatic())}


def living() -> list[str]:
    """Return the names of the mutants that are not proved equivalent."""
    excused = equivalents()
    return [name for name in mutants() if name not in excused]


def mutant_named(name: str) -> Mutant:
    """Return the mutant of this name."""
    return mutants()[name]

"""All mutants by name, and one hunter for each process."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from pygent_vec_conformance.catalogue import catalogue

from .automatic import automatic
from .killing import Death, Hunt, checks_for
from .roster import by_hand

if TYPE_CHECKING:
    from .mutant import Mutant

__all__ = ["fate_of", "mutants"]


@cache
def mutants() -> dict[str, Mutant]:
    """Return every mutant, made by hand or automatic, by its name."""
    return {mutant.name: mutant for mutant in (*by_hand(), *automatic())}


def fate_of(name: str) -> Death:
    """Return what the suite does to the mutant of this name."""
    mutant = mutants()[name]
    return _hunter().hunt(mutant, checks_for(mutant.breaks) if mutant.breaks else catalogue())


@cache
def _hunter() -> Hunt:
    return Hunt()

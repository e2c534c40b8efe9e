"""The right stores that mutants derive from: what fails on one of them tells nothing of a mutant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec_conformance.catalogue import catalogue

from .automatic import right_stores
from .everything import mutant_named
from .journal import JournaledStore
from .killing import Hunt
from .shared import SharedStore

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pygent_vec_conformance.outcome import CheckResult

    from .killing import Death
    from .mutant import Mutant

__all__ = ["unjust_checks", "unmutated"]


def unmutated() -> list[Mutant]:
    """Return every right store."""
    return [*right_stores(), JournaledStore.mutant(), SharedStore.mutant()]


def unjust_checks(deaths: Iterable[Death]) -> list[CheckResult]:
    """Return the failures of checks that killed, on the right store that their victim derives from."""
    trials: dict[tuple[str, str], Mutant] = {}
    for death in deaths:
        right = _original(death)
        trials[death.check, right.name] = right
    hunt, tries = Hunt(), {check.title(case): (check, case) for check in catalogue() for case in check.tries}
    return [
        failure
        for (title, _), right in trials.items()
        for failure in hunt.failures(right.target(), *tries[title])
    ]


def _original(death: Death) -> Mutant:
    """Return the right store that a mutant is a change of."""
    volatile, _, whole, journaled, shared = unmutated()
    if death.requirement == "VS-275":
        return shared
    if mutant_named(death.mutant).durable:
        return journaled
    return whole if death.mutant.startswith("evaluator.") else volatile

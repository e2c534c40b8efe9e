"""The suite's own test: it notices every deliberately broken store, and passes the right ones they derive from.

PYGENT_VEC_MUTANTS=all tries every automatic mutant, and the right stores on the whole suite; otherwise a part.
`python -m conformance.tests.mutants`, from the repository's root, does the same on all processors.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pygent_vec_conformance.catalogue import catalogue

from .mutants.automatic import automatic, equivalents, right_stores
from .mutants.journal import JournaledStore
from .mutants.killing import Death, Fate, Hunt, checks_for
from .mutants.roster import by_hand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .mutants.mutant import Mutant

_ALL = os.environ.get("PYGENT_VEC_MUTANTS") == "all"
_EVERY = 1 if _ALL else 8
_REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def hunter(request: pytest.FixtureRequest) -> Iterator[_Tally]:
    """A hunter that all mutants share, so that it learns which checks kill; it tells its bag at the end."""
    tally = _Tally()
    yield tally
    reporter = request.config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(f"\n{tally}")


class _Tally:
    """A hunter and what it brought home."""

    def __init__(self) -> None:
        self.hunter = Hunt()
        self.fates: Counter[Fate] = Counter()

    def fate(self, mutant: Mutant) -> Death:
        checks = checks_for(mutant.breaks) if mutant.breaks else catalogue()
        death = self.hunter.hunt(mutant, checks)
        self.fates[death.fate] += 1
        return death

    def __str__(self) -> str:
        counts = ", ".join(f"{self.fates[fate]} {fate.value}" for fate in Fate)
        return f"mutants: {counts}, of {self.fates.total()}"


@pytest.fixture(autouse=True)
def _children_find_the_mutants(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let child processes, which durability checks kill, import this package from anywhere."""
    monkeypatch.setenv("PYTHONPATH", str(_REPOSITORY))


@pytest.mark.parametrize("mutant", by_hand(), ids=lambda mutant: mutant.name)
def test_a_mutant_made_by_hand_is_killed_by_the_sentence_that_it_breaks(
    hunter: _Tally, mutant: Mutant
) -> None:
    death = hunter.fate(mutant)
    assert death.fate is Fate.KILLED, f"{death}; it breaks {mutant.breaks}: {mutant.story}"
    assert death.requirement in mutant.breaks


def _tried() -> list[Mutant]:
    excused = equivalents()
    return [mutant for mutant in automatic() if mutant.name not in excused][::_EVERY]


@pytest.mark.parametrize("mutant", _tried(), ids=lambda mutant: mutant.name)
def test_an_automatic_mutant_does_not_survive(hunter: _Tally, mutant: Mutant) -> None:
    death = hunter.fate(mutant)
    assert death.fate is not Fate.SURVIVED, f"{mutant.name}: add a check, or prove it equivalent"


@pytest.mark.parametrize("right", [*right_stores(), JournaledStore.mutant()], ids=lambda right: right.name)
def test_the_right_store_that_mutants_derive_from_passes(right: Mutant) -> None:
    checks = [
        check for check in catalogue() if _ALL or check.timeout <= 60 or check.needs in {"durable", "files"}
    ]
    failures = Hunt().failures(right.target(), checks)
    assert [f"{one.check}: {one.seen}" for one in failures] == []


def test_every_excuse_is_of_a_mutant_that_there_is() -> None:
    names = {mutant.name for mutant in automatic()}
    assert sorted(set(equivalents()) - names) == []
    assert all(len(reason) > 20 for reason in equivalents().values())


def test_every_requirement_that_a_mutant_breaks_has_a_check() -> None:
    without = {mutant.name: mutant.breaks for mutant in by_hand() if not checks_for(mutant.breaks)}
    assert without == {}


def test_there_are_many_mutants_of_each_kind() -> None:
    assert len(by_hand()) >= 60
    assert len(automatic()) >= 100
    assert all(mutant.breaks and mutant.story for mutant in by_hand())

"""The suite's own test: it notices every deliberately broken store, and passes the right ones they derive from.

A part of the mutants is tried here; PYGENT_VEC_MUTANTS=all tries them all, and the right stores on the whole suite.
`python -m conformance.tests.mutants`, from the repository's root, tries all mutants on all processors.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from pygent_vec_conformance.catalogue import catalogue

from .mutants.automatic import automatic, equivalents
from .mutants.everything import living, mutant_named
from .mutants.killers import killers
from .mutants.killing import Death, Fate, Hunt, checks_for
from .mutants.pack import Hunter, hunter
from .mutants.right import unmutated
from .mutants.roster import by_hand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .mutants.mutant import Mutant

_ALL = os.environ.get("PYGENT_VEC_MUTANTS") == "all"
_EVERY_BY_HAND, _EVERY_AUTOMATIC = (1, 1) if _ALL else (4, 10)
_DURABLE = {"durable", "files", "strace", "processes", "locked"}
_TITLES = {check.title(case) for check in catalogue() for case in check.tries}


@pytest.fixture(scope="module")
def tally(request: pytest.FixtureRequest) -> Iterator[_Tally]:
    """A hunter that all mutants of this process share; it tells its bag at the end."""
    with hunter(killers()) as one:
        kept = _Tally(one)
        yield kept
    reporter = request.config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(f"\n{kept}")


class _Tally:
    """A hunter and what it brought home."""

    def __init__(self, one: Hunter) -> None:
        self._hunter = one
        self.fates: Counter[Fate] = Counter()

    def fate(self, name: str) -> Death:
        death = self._hunter.fate(name)
        self.fates[death.fate] += 1
        return death

    def __str__(self) -> str:
        counts = ", ".join(f"{self.fates[fate]} {fate.value}" for fate in Fate)
        return f"mutants: {counts}, of {self.fates.total()}"


def _names(*, hand_made: bool) -> list[str]:
    names = [name for name in living() if bool(mutant_named(name).breaks) is hand_made]
    return names[:: _EVERY_BY_HAND if hand_made else _EVERY_AUTOMATIC]


@pytest.mark.parametrize("name", _names(hand_made=True))
def test_a_mutant_made_by_hand_is_killed_by_the_sentence_that_it_breaks(tally: _Tally, name: str) -> None:
    death, mutant = tally.fate(name), mutant_named(name)
    assert death.fate is Fate.KILLED, f"{death}; it breaks {mutant.breaks}: {mutant.story}"
    assert death.requirement in mutant.breaks


@pytest.mark.parametrize("name", _names(hand_made=False))
def test_an_automatic_mutant_does_not_survive(tally: _Tally, name: str) -> None:
    death = tally.fate(name)
    assert death.fate is not Fate.SURVIVED, f"{death}: add a check, or prove it equivalent"
    assert death.requirement


@pytest.mark.parametrize(
    "right",
    unmutated(),
    ids=lambda right: right.name,
)
def test_the_right_store_that_mutants_derive_from_passes(
    right: Mutant, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    # Children of the durability checks import the mutants by this.
    monkeypatch.setenv("PYTHONPATH", str(request.config.rootpath))
    killing = {title for name, title in killers().items() if not mutant_named(name).breaks}
    hunt = Hunt()
    failures = [
        failure
        for check in catalogue()
        for case in check.tries
        if _ALL or (check.needs in _DURABLE if right.durable else check.title(case) in killing)
        for failure in hunt.failures(right.target(), check, case)
    ]
    assert [f"{one.check}: {one.seen}" for one in failures] == []


def test_every_excuse_is_of_a_mutant_that_there_is() -> None:
    names = {mutant.name for mutant in automatic()}
    assert sorted(set(equivalents()) - names) == []
    assert all(len(reason) > 20 for reason in equivalents().values())


def test_the_table_of_killers_knows_every_mutant_and_no_other_check() -> None:
    known = killers()
    assert sorted(set(living()) ^ set(known)) == [], "run python -m conformance.tests.mutants --unknown"
    assert sorted(set(known.values()) - _TITLES) == []


def test_every_requirement_that_a_mutant_breaks_has_a_check() -> None:
    without = {mutant.name: mutant.breaks for mutant in by_hand() if not checks_for(mutant.breaks)}
    assert without == {}


def test_there_are_many_mutants_of_each_kind() -> None:
    assert len(by_hand()) >= 60
    assert len(automatic()) >= 100
    assert all(mutant.breaks and mutant.story for mutant in by_hand())

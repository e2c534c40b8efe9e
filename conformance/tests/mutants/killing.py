"""Killing mutants: the suite runs until the first check that notices, and says which one it was."""

from __future__ import annotations

import re
from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING

import attrs

from pygent_vec import errors
from pygent_vec_conformance.catalogue import catalogue
from pygent_vec_conformance.execution import execute
from pygent_vec_conformance.outcome import CheckResult, Kind, Outcome
from pygent_vec_conformance.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pygent_vec_conformance.checks import Check
    from pygent_vec_conformance.target import StoreTarget

    from .mutant import Mutant

__all__ = ["Death", "Fate", "Hunt", "checks_for"]

_PATIENCE = 20.0
_MORE_PATIENCE = 180.0
_LONG = 60.0
_HANGS = 5.0
"""For a mutant that is known to hang, in the check that it hangs in: the right store takes a tenth of a second."""
_FOR_RIGHT_STORES = 600.0
_MOST_ACCIDENTS = 12


class Fate(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    """A check saw an answer that breaks the contract, and says which sentence."""
    FELL = "fell over"
    """The store raised what is no error of the contract, or hung; a check failed, and saw no wrong answer.

    Of a mutant made by hand that is no death, for it tells nothing of what the suite compares. A change of the
    source at random may leave nothing that answers at all.
    """
    SURVIVED = "survived"
    """No check saw a wrong answer: one is missing."""


@attrs.frozen(kw_only=True)
class Death:
    """A mutant's fate, and the check that decided it; for a survivor the first in which it fell over, if any.

    Attributes:
        seconds: How long the hunt took.
    """

    mutant: str
    fate: Fate
    check: str = ""
    requirement: str = ""
    seen: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        by = f" by {self.check} ({self.requirement}): {self.seen}" if self.check else ""
        return f"{self.mutant}: {self.fate.value}{by} [{self.seconds:.1f} s]"


class Hunt:
    """Tries checks on mutants: first the one that killed it before, then those that killed most so far.

    Attributes:
        left_behind: Whether a check hangs in a thread of this process.
    """

    def __init__(self, profile: Profile = Profile.QUICK) -> None:
        self._profile = profile
        self._kills: Counter[str] = Counter()
        self._seconds: dict[str, float] = {}
        self.left_behind = False

    def hunt(
        self,
        mutant: Mutant,
        checks: Sequence[Check],
        *,
        killer: str | None = None,
        likely: Sequence[str] = (),
    ) -> Death:
        """Return what *checks* do to a mutant; the first one that sees a wrong answer ends it.

        A store that falls over in one check after the other is given up: no check will see an answer.

        Args:
            mutant: What to kill.
            checks: What may kill it.
            killer: The title of the one that killed it before, to try first.
            likely: Titles of others to try before the rest.
        """
        target = mutant.target()
        patience = _HANGS if Kind.TIMEOUT in mutant.dies_by else None
        for title in dict.fromkeys([killer, *likely] if killer else likely):
            for result in self._tried_first(checks, title, target, patience):
                if _is_wrong_answer(result, mutant.dies_by):
                    return _death(mutant.name, Fate.KILLED, result)
                if title == killer and not mutant.breaks:
                    return _death(mutant.name, Fate.FELL, result)
        accidents: list[CheckResult] = []
        for check in sorted(checks, key=self._order):
            for result in self._results(check, target):
                if _is_wrong_answer(result, mutant.dies_by):
                    self._kills[check.name] += 1
                    return _death(mutant.name, Fate.KILLED, result)
                accidents.append(result)
                break
            if len(accidents) >= _MOST_ACCIDENTS:
                break
        if accidents:
            return _death(mutant.name, Fate.SURVIVED if mutant.breaks else Fate.FELL, accidents[0])
        return Death(mutant=mutant.name, fate=Fate.SURVIVED)

    def failures(self, target: StoreTarget, check: Check, case: str | None) -> list[CheckResult]:
        """Return the failure, if any, of a store that should have none."""
        wanted = self._profile.includes(check.least)
        return list(self._result(check, case, target, _FOR_RIGHT_STORES)) if wanted else []

    def _tried_first(
        self, checks: Sequence[Check], title: str, target: StoreTarget, patience: float | None
    ) -> Iterator[CheckResult]:
        for check in checks:
            for case in check.tries:
                if check.title(case) == title:
                    yield from self._result(check, case, target, patience)

    def _order(self, check: Check) -> tuple[float, int, float]:
        """Random and repeated checks, which have long timeouts and shrink what they find, come last."""
        return check.timeout, -self._kills[check.name], self._seconds.get(check.name, 0.0)

    def _results(self, check: Check, target: StoreTarget) -> Iterator[CheckResult]:
        if self._profile.includes(check.least):
            for case in check.tries:
                yield from self._result(check, case, target)

    def _result(
        self, check: Check, case: str | None, target: StoreTarget, patience: float | None = None
    ) -> Iterator[CheckResult]:
        """Yield the result of a check that fails."""
        limit = patience or _patience(check)
        result = execute(check, case, target, self._profile, timeout=limit, shrink=False)
        self._seconds.setdefault(check.name, result.seconds)
        self.left_behind |= result.kind is Kind.TIMEOUT
        if result.outcome is Outcome.FAILED:
            yield result


def _patience(check: Check) -> float:
    """Return seconds for one try: a mutant that hangs is not waited for, and a long check is not cut short."""
    return _PATIENCE if check.timeout <= _LONG else min(check.timeout, _MORE_PATIENCE)


def checks_for(requirements: Sequence[str]) -> list[Check]:
    """Return the checks that prove one of *requirements*."""
    return [check for check in catalogue() if check.requirement.id in requirements]


def _is_wrong_answer(result: CheckResult, dies_by: frozenset[Kind]) -> bool:
    """Return whether a check saw a wrong answer: one of the contract's own errors is an answer too.

    A store that merely fell over raises something else, which core turns into BackendError.
    """
    raised = re.findall(r"(?:^|raised )(\w*(?:Error|Exception|Exit|Interrupt)): ", result.seen)
    fell_over = any(not _is_contract_error(name) for name in raised)
    answered = result.kind is Kind.ERROR and bool(raised)
    return (answered or result.kind in dies_by) and not fell_over


def _is_contract_error(name: str) -> bool:
    found = getattr(errors, name, None)
    return (
        isinstance(found, type)
        and issubclass(found, errors.PygentVecError)
        and found is not errors.BackendError
    )


def _death(mutant: str, fate: Fate, result: CheckResult) -> Death:
    seen = result.seen.partition("\n")[0][:200]
    return Death(mutant=mutant, fate=fate, check=result.check, requirement=result.requirement, seen=seen)

"""Killing mutants: the suite runs until the first check that notices, and says which one it was."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING
from unittest.mock import patch

import attrs
from hypothesis import Phase, settings

from pygent_vec import errors
from pygent_vec_conformance.catalogue import TOPICS, catalogue
from pygent_vec_conformance.execution import execute
from pygent_vec_conformance.outcome import CheckResult, Kind, Outcome
from pygent_vec_conformance.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pygent_vec_conformance.checks import Check
    from pygent_vec_conformance.target import StoreTarget
    from pygent_vec_conformance.world import World

    from .mutant import Mutant

__all__ = ["Death", "Fate", "Hunt", "checks_for"]

_PATIENCE = 20.0
_MORE_PATIENCE = 180.0
_LONG = 60.0
_MOST_ACCIDENTS = 12


class Fate(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    """A check saw an answer that breaks the contract, and says which sentence."""
    ACCIDENT = "killed by accident"
    """The store fell over; no check saw a wrong answer."""
    SURVIVED = "survived"
    """No check noticed: one is missing."""


@attrs.frozen(kw_only=True)
class Death:
    """A mutant's fate, and the check that decided it; none for a survivor."""

    mutant: str
    fate: Fate
    check: str = ""
    requirement: str = ""
    seen: str = ""

    def __str__(self) -> str:
        by = f" by {self.check} ({self.requirement}): {self.seen}" if self.check else ""
        return f"{self.mutant}: {self.fate.value}{by}"


class Hunt:
    """Tries checks on mutants: first those that killed most so far, of equals the quickest."""

    def __init__(self, profile: Profile = Profile.QUICK) -> None:
        self._profile = profile
        self._kills: Counter[str] = Counter()
        self._seconds: dict[str, float] = {}

    def hunt(self, mutant: Mutant, checks: Iterable[Check]) -> Death:
        """Return what *checks* do to a mutant; the first one that sees a wrong answer ends it.

        A store that falls over in one check after the other is given up: no check will see an answer.
        """
        accidents: list[CheckResult] = []
        target = mutant.target()
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
            return _death(mutant.name, Fate.ACCIDENT, accidents[0])
        return Death(mutant=mutant.name, fate=Fate.SURVIVED)

    def failures(self, target: StoreTarget, checks: Iterable[Check]) -> list[CheckResult]:
        """Return every failure of a store that should have none."""
        return [result for check in checks for result in self._results(check, target)]

    def _order(self, check: Check) -> tuple[float, int, float]:
        """Random and repeated checks, which have long timeouts and shrink what they find, come last."""
        return check.timeout, -self._kills[check.name], self._seconds.get(check.name, 0.0)

    def _results(self, check: Check, target: StoreTarget) -> Iterable[CheckResult]:
        if not self._profile.includes(check.least):
            return
        for case in check.tries:
            with _without_shrinking():
                result = execute(check, case, target, self._profile, timeout=_patience(check))
            self._seconds.setdefault(check.name, result.seconds)
            if result.outcome is Outcome.FAILED:
                yield result


def _patience(check: Check) -> float:
    """Return seconds for one try: a mutant that hangs is not waited for, and a long check is not cut short."""
    return _PATIENCE if check.timeout <= _LONG else min(check.timeout, _MORE_PATIENCE)


def checks_for(requirements: Sequence[str]) -> list[Check]:
    """Return the checks that prove one of *requirements*."""
    return [check for check in catalogue() if check.requirement.id in requirements]


@contextmanager
def _without_shrinking() -> Iterator[None]:
    """Let random checks stop at what they find: making it small takes minutes, and tells nothing of a mutant."""
    with ExitStack() as stack:
        for topic in TOPICS:
            ruled = vars(topic).get("ruled")
            if ruled is not None:
                stack.enter_context(patch.object(topic, "ruled", partial(_hasty, ruled)))
        yield


def _hasty(ruled: Callable[[World, int], settings], world: World, quick: int) -> settings:
    return settings(ruled(world, quick), phases=[Phase.explicit, Phase.generate])


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

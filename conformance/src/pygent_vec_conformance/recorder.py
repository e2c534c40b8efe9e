"""The record of a pytest run: results by class, what was tampered with, what hung."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from pygent_vec_conformance.outcome import CheckResult, Kind, Outcome
from pygent_vec_conformance.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Recorder"]

_MOST_HANGS = 3
_RESULT = "pygent_vec_conformance_result"
_TARGET = "pygent_vec_conformance_target"


class Recorder:
    """What is known of the run so far.

    Attributes:
        broken: Classes whose smoke check could not even run, with the reason.
        hung: How many checks of each class did not end.
    """

    def __init__(self, *, journal: str | None, demanded: bool, collect_only: bool = False) -> None:
        self._journal = Path(journal) if journal is not None else None
        self._demanded = demanded
        self._excused = {""} if collect_only else set[str]()
        self._results: dict[str, dict[str, CheckResult]] = {}
        self._targets: dict[str, dict[str, object]] = {}
        self._changes: dict[str, list[str]] = {}
        self._earlier_target: dict[str, object] = {}
        self._done = self._earlier()
        self.broken: dict[str, str] = {}
        self.hung: Counter[str] = Counter()

    def _earlier(self) -> dict[str, CheckResult]:
        """Return the results of a run that crashed; the check that it crashed in has failed."""
        if self._journal is None or not self._journal.exists():
            return {}
        done: dict[str, CheckResult] = {}
        for line in self._journal.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if "result" in entry:
                result = CheckResult.from_json(entry["result"])
                done[result.check] = result
            elif "target" in entry:
                self._earlier_target = json.loads(entry["target"])
        return done

    def is_done(self, title: str) -> bool:
        """Return whether an earlier part of this run had the check."""
        return title in self._done

    def begin(self, title: str) -> None:
        """Write down that a check begins, for the case that it takes the process with it."""
        self._write({"begin": title})

    def _write(self, entry: dict[str, str]) -> None:
        if self._journal is not None:
            with self._journal.open("a", encoding="utf-8") as file:
                file.write(f"{json.dumps(entry)}\n")

    def collected(self, group: str, changes: Sequence[str]) -> None:
        """Note a class, and what of the contract it does not have as it should be."""
        self._changes[group] = list(changes)
        self._results.setdefault(group, {}).update(self._done)

    def excuse(self, nodeids: Iterable[str]) -> None:
        """Note that the user left checks out: what did not run makes a verdict partial, not failed."""
        self._excused.update(nodeid.rpartition("::")[0] for nodeid in nodeids)

    def excuse_all(self) -> None:
        """Note that the run was stopped early."""
        self._excused.add("")

    def watch(self, group: str, result: CheckResult, *, first: bool) -> None:
        """Count hangs; note when the first check shows that no other can run."""
        if result.kind is Kind.TIMEOUT:
            self.hung[group] += 1
        if first and result.outcome is Outcome.FAILED and result.kind in {Kind.ERROR, Kind.TIMEOUT}:
            self.broken[group] = f"the smoke check failed: {result.seen}"

    def stopped(self, group: str) -> str:
        """Return why no further check of a class is tried, or nothing."""
        if self.hung[group] < _MOST_HANGS:
            return ""
        return f"{self.hung[group]} checks before it did not end; mend them first"

    def take(self, nodeid: str, properties: Iterable[tuple[str, object]]) -> CheckResult | None:
        """Record the result that a pytest report carries, and return it."""
        group, taken = nodeid.rpartition("::")[0], None
        for name, value in properties:
            if name == _TARGET:
                self._targets[group] = json.loads(str(value))
                self._write({"target": str(value)})
            elif name == _RESULT:
                taken = CheckResult.from_json(str(value))
                known = self._results.setdefault(group, {})
                if taken.check not in known or known[taken.check].outcome is not Outcome.FAILED:
                    known[taken.check] = taken
                    self._write({"result": taken.to_json()})
        return taken

    def is_used(self) -> bool:
        """Return whether this run has to do with conformance at all."""
        return self._demanded or bool(self._results) or bool(self._changes)

    def to_worker(self) -> str:
        """Return what an xdist worker tells the controller beside its reports."""
        return json.dumps([self._changes, sorted(self._excused)])

    def from_worker(self, text: str) -> None:
        """Take over what a worker told."""
        told = json.loads(text)
        if not told:
            return
        for group, changes in told[0].items():
            self.collected(group, changes)
        self._excused.update(told[1])

    def verdicts(self, profile: str) -> list[Verdict]:
        """Return the verdict on each class; one that has failed where there is none."""
        groups = sorted({*self._results, *self._changes})
        if not groups:
            return [Verdict.nothing(profile)]
        return [self._verdict(group, profile) for group in groups]

    def _verdict(self, group: str, profile: str) -> Verdict:
        from pygent_vec_conformance.contract import expected as expected_of
        from pygent_vec_conformance.profile import Profile

        results = self._results.get(group, {})
        expected = expected_of(Profile(profile))
        labels = [result.target for result in results.values() if result.target]
        return Verdict(
            target=labels[0] if labels else group,
            profile=profile,
            results=tuple(results[title] for title in expected if title in results),
            missing=tuple(title for title in expected if title not in results),
            tampered=tuple(self._changes.get(group, ())),
            description=self._targets.get(group, self._earlier_target),
            excused=bool({"", group} & self._excused) and not (self._demanded and not results),
        )

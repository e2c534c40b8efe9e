"""The verdict on one target."""

from __future__ import annotations

import json
from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING

import attrs

from pygent_vec_conformance.outcome import CheckResult, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Status", "Verdict"]


class Status(StrEnum):
    """Passed means that every check of the profile ran, and none failed."""

    PASSED = "passed"
    FAILED = "failed"
    PARTIAL = "partial"


@attrs.frozen(kw_only=True)
class Verdict:
    """What a run proved.

    Attributes:
        target: The label of what was checked.
        profile: How much was tried.
        results: In the order of the contract.
        missing: Checks of the profile that did not run: deselected, or after the first failure.
        tampered: What of the contract the adopting class changed.
        description: Backend, capabilities and versions.
        notes: What happened to the run itself, such as a crash.
        excused: Whether the user left checks out, so that those missing are no failure.
    """

    target: str
    profile: str
    results: tuple[CheckResult, ...] = ()
    missing: tuple[str, ...] = ()
    tampered: tuple[str, ...] = ()
    description: Mapping[str, object] = attrs.field(factory=dict)
    notes: tuple[str, ...] = ()
    excused: bool = False

    @classmethod
    def nothing(cls, profile: str) -> Verdict:
        """Return the verdict on a run without a check: it failed."""
        return cls(
            target="nothing", profile=profile, notes=("no check ran; a run that proves nothing fails",)
        )

    @property
    def status(self) -> Status:
        """Failed, partial or passed."""
        unexplained = not self.excused and (self.missing or not self.results)
        if self.tampered or self.count(Outcome.FAILED) or unexplained:
            return Status.FAILED
        return Status.PARTIAL if self.missing else Status.PASSED

    @property
    def failed(self) -> bool:
        """Whether the run must not end green."""
        return self.status is Status.FAILED

    @property
    def exit_code(self) -> int:
        """0 passed, 1 failed, 2 partial."""
        return {Status.PASSED: 0, Status.FAILED: 1, Status.PARTIAL: 2}[self.status]

    @property
    def seconds(self) -> float:
        """What the checks took together."""
        return sum(result.seconds for result in self.results)

    def count(self, outcome: Outcome) -> int:
        """Return how many checks had this outcome."""
        return Counter(result.outcome for result in self.results)[outcome]

    def of(self, outcome: Outcome) -> list[CheckResult]:
        """Return the results with this outcome."""
        return [result for result in self.results if result.outcome is outcome]

    def headline(self) -> str:
        """Return the verdict in one line."""
        counts = ", ".join(f"{self.count(one)} {one.value}" for one in Outcome if self.count(one))
        missing = f", {len(self.missing)} not run" if self.missing else ""
        status = self.status.value.upper()
        return f"{status}: {self.target}, {self.profile} profile: {counts or 'no check ran'}{missing}"

    def to_json(self) -> str:
        """Return the verdict as JSON text; `from_json` restores it."""
        data = {
            "format": 1,
            "target": self.target,
            "profile": self.profile,
            "status": self.status.value,
            "counts": {one.value: self.count(one) for one in Outcome},
            "seconds": round(self.seconds, 3),
            "description": self.description,
            "tampered": list(self.tampered),
            "excused": self.excused,
            "notes": list(self.notes),
            "missing": list(self.missing),
            "results": [json.loads(result.to_json()) for result in self.results],
        }
        return json.dumps(data, indent=1, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Verdict:
        """Return the verdict that `to_json` wrote."""
        data = json.loads(text)
        return cls(
            target=data["target"],
            profile=data["profile"],
            results=tuple(CheckResult.from_json(json.dumps(one)) for one in data["results"]),
            missing=tuple(data["missing"]),
            tampered=tuple(data["tampered"]),
            description=data["description"],
            notes=tuple(data["notes"]),
            excused=data["excused"],
        )

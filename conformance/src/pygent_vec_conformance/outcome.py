"""What became of one check."""

from __future__ import annotations

import json
from enum import StrEnum

import attrs

__all__ = ["CheckResult", "Kind", "KnownFault", "Outcome"]


class Outcome(StrEnum):
    """There is no "skipped": a check that does not apply is one whose refusal was provoked."""

    PASSED = "passed"
    FAILED = "failed"
    REFUSED = "refused as declared"
    XFAILED = "known fault"


class Kind(StrEnum):
    """How a check failed."""

    NONE = ""
    VIOLATION = "violation"
    """The backend answered, and the answer breaks the contract."""
    ERROR = "error"
    """The backend raised where the contract promises an answer."""
    TIMEOUT = "timeout"
    """The check did not come to an end in its time."""
    HARNESS = "harness"
    """The check was skipped, marked, overridden or otherwise kept from running."""


@attrs.frozen(kw_only=True)
class KnownFault:
    """The one way to ship with a known fault: strict, with a reason, and shown in the report.

    Attributes:
        reason: What is wrong, in a sentence.
        link: Where its mending is followed; may be empty.
    """

    reason: str = attrs.field(validator=attrs.validators.min_len(10))
    link: str = ""


@attrs.frozen(kw_only=True)
class CheckResult:
    """One check's outcome, as every report shows it.

    Attributes:
        target: The label of what was checked.
        check: The check's name, with its case in brackets.
        claim: What it proves, in a sentence.
        requirement: The requirement's id, such as `VS-231`.
        paragraph: The paragraph of the contract.
        topic: The topic that it belongs to.
        level: `core` or `extended`.
        outcome: What became of it.
        kind: How it failed.
        seconds: What it took.
        message: The whole story, for people; empty if it passed.
        seen: What was seen, in a sentence.
        steps: The calls that led there, as Python.
    """

    target: str
    check: str
    claim: str
    requirement: str
    paragraph: str
    topic: str
    level: str
    outcome: Outcome
    kind: Kind = Kind.NONE
    seconds: float = 0.0
    message: str = ""
    seen: str = ""
    steps: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return the result as JSON text."""
        return json.dumps(attrs.asdict(self), ensure_ascii=True)

    @classmethod
    def from_json(cls, text: str) -> CheckResult:
        """Return the result that `to_json` wrote."""
        data = json.loads(text)
        data["outcome"] = Outcome(data["outcome"])
        data["kind"] = Kind(data["kind"])
        data["steps"] = tuple(data["steps"])
        return cls(**data)

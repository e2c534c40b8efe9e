"""What every report tells, before it has a form."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pygent_vec_conformance.outcome import CheckResult
    from pygent_vec_conformance.verdict import Verdict

__all__ = ["capabilities", "reproduce", "topics", "versions"]


def topics(verdict: Verdict) -> dict[str, list[CheckResult]]:
    """Return the results by topic, in order."""
    found: dict[str, list[CheckResult]] = {}
    for result in verdict.results:
        found.setdefault(result.topic, []).append(result)
    return found


def capabilities(verdict: Verdict) -> list[tuple[str, str]]:
    """Return what the backend declares, in words."""
    return [(name, _words(value)) for name, value in _mapping(verdict, "capabilities").items()]


def versions(verdict: Verdict) -> list[tuple[str, str]]:
    """Return the versions of everything."""
    return [(name, str(value)) for name, value in _mapping(verdict, "versions").items()]


def reproduce(verdict: Verdict) -> str:
    """Return the command that repeats the run."""
    backend = verdict.description.get("backend", verdict.target)
    settings = verdict.description.get("settings", ())
    given = "".join(f" --config {name}=…" for name in settings) if isinstance(settings, list) else ""
    return f"pygent-vec conformance {backend}{given} --profile {verdict.profile}"


def _mapping(verdict: Verdict, name: str) -> Mapping[str, object]:
    held = verdict.description.get(name)
    return held if isinstance(held, dict) else {}


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key} {how}" for key, how in value.items())
    return str(value)

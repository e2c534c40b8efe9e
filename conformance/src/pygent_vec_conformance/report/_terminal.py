"""The verdict in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec_conformance.outcome import Outcome

if TYPE_CHECKING:
    from pygent_vec_conformance.verdict import Verdict

__all__ = ["summary"]


def summary(verdict: Verdict, *, failures: bool = True) -> list[str]:
    """Return the lines of a terminal summary: failures (if asked) in full, the rest by name."""
    lines: list[str] = []
    for result in verdict.of(Outcome.FAILED) if failures else ():
        lines += [f"FAILED {result.check}", *(f"  {line}" for line in result.message.splitlines()), ""]
    for outcome in (Outcome.XFAILED, Outcome.REFUSED):
        found = verdict.of(outcome)
        if found:
            lines.append(f"{outcome.value}:")
            lines += [f"  {one.requirement} {one.check}: {one.message.splitlines()[0]}" for one in found]
    if verdict.tampered:
        lines.append(f"changed by the adopting class: {', '.join(verdict.tampered)}")
    if verdict.missing:
        shown = ", ".join(verdict.missing[:5])
        lines.append(f"not run ({len(verdict.missing)}): {shown}{', …' if len(verdict.missing) > 5 else ''}")  # noqa: PLR2004  # as many as shown
    lines += list(verdict.notes)
    return [*lines, f"{verdict.headline()} in {verdict.seconds:.1f} s"]

"""The verdict as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec_conformance.outcome import Outcome
from pygent_vec_conformance.report._content import capabilities, reproduce, topics, versions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec_conformance.outcome import CheckResult
    from pygent_vec_conformance.verdict import Verdict

__all__ = ["markdown"]


def markdown(verdict: Verdict) -> str:
    """Return the report: the verdict, what failed, what was refused, every check, and the versions."""
    lines = [f"# Conformance of {_cell(verdict.target)}", "", f"**{_cell(verdict.headline())}**", ""]
    lines += ["```", reproduce(verdict), "```", ""]
    lines += [f"> {_cell(note)}" for note in verdict.notes]
    lines += _failures(verdict)
    lines += ["## Capabilities", "", *_table(("capability", "declared"), capabilities(verdict))]
    lines += ["## Checks", ""]
    for topic, results in topics(verdict).items():
        rows = [
            (one.requirement, one.paragraph, one.claim, _case(one), one.outcome.value, f"{one.seconds:.2f}")
            for one in results
        ]
        header = ("requirement", "paragraph", "claim", "case", "outcome", "seconds")
        lines += [f"### {topic}", "", *_table(header, rows)]
    if verdict.missing:
        lines += ["## Not run", "", *(f"* `{title}`" for title in verdict.missing), ""]
    lines += ["## Versions", "", *_table(("of", "version"), versions(verdict))]
    return "\n".join(lines)


def _failures(verdict: Verdict) -> list[str]:
    lines: list[str] = []
    for outcome, title in ((Outcome.FAILED, "Failures"), (Outcome.XFAILED, "Known faults")):
        found = verdict.of(outcome)
        if found:
            lines += [f"## {title}", ""]
        for one in found:
            lines += [f"### {one.requirement} `{one.check}`", "", "````text", one.message, "````", ""]
    refused = verdict.of(Outcome.REFUSED)
    if refused:
        rows = [(one.requirement, one.claim, one.message.splitlines()[0]) for one in refused]
        lines += ["## Refused as declared", "", *_table(("requirement", "claim", "refusal"), rows)]
    return lines


def _case(result: CheckResult) -> str:
    return result.check.partition("[")[2].rstrip("]")


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    body = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return ["| " + " | ".join(header) + " |", "|" + "---|" * len(header), *body, ""]


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")

"""The verdict as one HTML page that needs nothing else."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from pygent_vec_conformance.outcome import Outcome
from pygent_vec_conformance.report._content import capabilities, reproduce, topics, versions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec_conformance.outcome import CheckResult
    from pygent_vec_conformance.verdict import Verdict

__all__ = ["page"]

_STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}
th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #8884;vertical-align:top}
td.number{text-align:right;font-variant-numeric:tabular-nums}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#8881;padding:.8rem;border-radius:.4rem}
.mark{font-weight:600;white-space:nowrap}
.passed{color:#2da44e}.failed{color:#cf222e}.refused{color:#0a7ea4}.known{color:#bf8700}
.verdict{font-size:1.2rem;padding:.6rem 1rem;border-left:.4rem solid;background:#8881}
details>summary{cursor:pointer;font-weight:600;margin:.4rem 0}
"""
_CLASSES = {
    Outcome.PASSED: "passed",
    Outcome.FAILED: "failed",
    Outcome.REFUSED: "refused",
    Outcome.XFAILED: "known",
}


def page(verdict: Verdict) -> str:
    """Return the report as HTML: verdict, failures, capabilities, every check, versions."""
    status = {"passed": "passed", "failed": "failed", "partial": "known"}[verdict.status.value]
    parts = [
        f"<h1>Conformance of {escape(verdict.target)}</h1>",
        f'<p class="verdict {status}">{escape(verdict.headline())} in {verdict.seconds:.1f} s</p>',
        f"<pre>{escape(reproduce(verdict))}</pre>",
        *(f"<pre>{escape(note)}</pre>" for note in verdict.notes),
        *_told(verdict, Outcome.FAILED, "Failures"),
        *_told(verdict, Outcome.XFAILED, "Known faults"),
        "<h2>Capabilities</h2>",
        _rows(("capability", "declared"), capabilities(verdict)),
        "<h2>Checks</h2>",
        *(_topic(name, results) for name, results in topics(verdict).items()),
    ]
    if verdict.missing:
        items = "".join(f"<li><code>{escape(title)}</code></li>" for title in verdict.missing)
        parts.append(f"<h2>Not run</h2><ul>{items}</ul>")
    parts += ["<h2>Versions</h2>", _rows(("of", "version"), versions(verdict))]
    title = escape(f"Conformance of {verdict.target}")
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    return f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}</style></head><body>\n' + "\n".join(
        [*parts, "</body></html>", ""]
    )


def _told(verdict: Verdict, outcome: Outcome, title: str) -> list[str]:
    found = verdict.of(outcome)
    if not found:
        return []
    stories = [
        f"<details open><summary>{escape(one.requirement)} {escape(one.check)}</summary>"
        f"<pre>{escape(one.message)}</pre></details>"
        for one in found
    ]
    return [f"<h2>{title}</h2>", *stories]


def _topic(name: str, results: Sequence[CheckResult]) -> str:
    failed = any(one.outcome is Outcome.FAILED for one in results)
    rows = "".join(_check(one) for one in results)
    header = "".join(f"<th>{one}</th>" for one in ("", "requirement", "paragraph", "claim", "seconds"))
    good = sum(one.outcome in {Outcome.PASSED, Outcome.REFUSED} for one in results)
    summary = f"{escape(name)} ({good} of {len(results)})"
    opened = " open" if failed else ""
    return f"<details{opened}><summary>{summary}</summary><table><tr>{header}</tr>{rows}</table></details>"


def _check(result: CheckResult) -> str:
    case = result.check.partition("[")[2].rstrip("]")
    claim = f"{escape(result.claim)}{f' <code>{escape(case)}</code>' if case else ''}"
    if result.outcome is Outcome.REFUSED:
        claim += f"<br><small>{escape(result.message)}</small>"
    mark = f'<td class="mark {_CLASSES[result.outcome]}">{escape(result.outcome.value)}</td>'
    cells = f"<td>{escape(result.requirement)}</td><td>{escape(result.paragraph)}</td><td>{claim}</td>"
    return f'<tr>{mark}{cells}<td class="number">{result.seconds:.2f}</td></tr>'


def _rows(header: Sequence[str], rows: Sequence[tuple[str, str]]) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in header)
    body = "".join(f"<tr><td>{escape(one)}</td><td>{escape(two)}</td></tr>" for one, two in rows)
    return f"<table><tr>{head}</tr>{body}</table>"

"""The verdict as a badge."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from pygent_vec_conformance.outcome import Outcome
from pygent_vec_conformance.verdict import Status

if TYPE_CHECKING:
    from pygent_vec_conformance.verdict import Verdict

__all__ = ["badge"]

_COLOURS = {Status.PASSED: "#2da44e", Status.FAILED: "#cf222e", Status.PARTIAL: "#bf8700"}
_LETTER = 6.6
_PADDING = 12


def badge(verdict: Verdict) -> str:
    """Return an SVG image: "vector store contract" and the verdict with its numbers."""
    left, right = "vector store contract", _text(verdict)
    widths = [round(len(text) * _LETTER + _PADDING) for text in (left, right)]
    total, colour = sum(widths), _COLOURS[verdict.status]
    middle = (widths[0] / 2, widths[0] + widths[1] / 2)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="20" role="img" '
        f'aria-label="{escape(left)}: {escape(right)}"><title>{escape(verdict.headline())}</title>'
        f'<rect width="{widths[0]}" height="20" fill="#444c56"/>'
        f'<rect x="{widths[0]}" width="{widths[1]}" height="20" fill="{colour}"/>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="{middle[0]:g}" y="14">{escape(left)}</text>'
        f'<text x="{middle[1]:g}" y="14">{escape(right)}</text></g></svg>\n'
    )


def _text(verdict: Verdict) -> str:
    proved = verdict.count(Outcome.PASSED) + verdict.count(Outcome.REFUSED)
    if verdict.status is Status.PASSED:
        faults = verdict.count(Outcome.XFAILED)
        return f"{proved} proved{f', {faults} known faults' if faults else ''}"
    if verdict.status is Status.FAILED:
        return f"{verdict.count(Outcome.FAILED)} of {len(verdict.results)} failed"
    return f"partial, {proved} proved"

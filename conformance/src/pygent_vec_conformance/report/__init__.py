"""The reports of a verdict: for a terminal, for a program, for a page and for a README."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pygent_vec_conformance.report._badge import badge
from pygent_vec_conformance.report._html import page
from pygent_vec_conformance.report._markdown import markdown
from pygent_vec_conformance.report._terminal import summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec_conformance.verdict import Verdict

__all__ = ["badge", "markdown", "page", "summary", "write_reports"]


def write_reports(verdicts: Sequence[Verdict], folder: str | Path) -> list[Path]:
    """Write `NAME.json`, `.md`, `.html` and `.svg` of each verdict; return the paths."""
    directory = Path(folder)
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for verdict in verdicts:
        stem = "".join(one if one.isalnum() or one in "-_" else "-" for one in verdict.target).strip("-")
        texts = {
            ".json": verdict.to_json(),
            ".md": markdown(verdict),
            ".html": page(verdict),
            ".svg": badge(verdict),
        }
        for suffix, text in texts.items():
            path = directory / f"{stem or 'target'}{suffix}"
            path.write_text(text, encoding="utf-8")
            written.append(path)
    return written

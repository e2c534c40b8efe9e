"""The page `docs/performance.md`, between its markers, from the kept runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bench.instructions import KEPT
from bench.runs import RESULTS, ROOT, load_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bench.measure import Claim, Measurement
    from bench.runs import Part, Run

__all__ = ["BEGIN", "END", "PAGE", "generated", "kept_runs", "write_page"]

PAGE = ROOT / "docs" / "performance.md"
IMAGES = ROOT / "docs" / "images"
BEGIN = "<!-- begin: written by python -m bench report -->"
END = "<!-- end -->"
_UNITS = {"memory": " GiB", "bandwidth": " GB/s"}
_TOPICS = {
    "search": "Searching: recall against rate",
    "tasks": "Many tasks at once",
    "filtered": "Searching under a filter",
    "ingest": "Writing",
    "disk": "On disk",
    "mixed": "Searching while another task writes",
    "life": "Opening, and memory",
    "stall": "How long the event loop was held",
    "growth": "Growth with the number of rows",
}


def kept_runs() -> list[Run]:
    """Return the runs in `bench/results`, by name."""
    return [load_run(path) for path in sorted(RESULTS.glob("*.json")) if path != KEPT]


def write_page(*, plots: bool) -> None:
    """Write what was measured into the page; draw the plots too if asked to."""
    if plots:
        from bench.plots import draw

        draw(kept_runs(), IMAGES)
    PAGE.write_text(generated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"wrote {PAGE}")


def generated(page: str) -> str:
    """Return *page* with what stands between its markers written anew; raises ValueError without markers."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page needs the lines {BEGIN!r} and {END!r}")
    lines = [line for run in kept_runs() for line in _run(run)]
    return "\n".join([before + BEGIN, "", *lines, *_instructions(), END]) + after


def _run(run: Run) -> Iterator[str]:
    facts = run.machine
    yield f"## The run `{run.name}`"
    yield ""
    known = ", ".join(f"{name} {value}{_UNITS.get(name, '')}" for name, value in facts.items())
    packages = ", ".join(
        f"{name} {value}" for name, value in run.versions.items() if value != "not installed"
    )
    yield f"{run.when}{', quick' if run.quick else ''}. Machine: {known}. Versions: {packages}."
    yield ""
    if run.claims:
        kept = sum(claim.holds for claim in run.claims)
        yield f"### Promises: {kept} of {len(run.claims)} pass"
        yield ""
        for part in run.parts.values():
            if part.claims:
                yield from _claims(part)
    for part in run.parts.values():
        if not part.done:
            yield f"* {part.data}: {part.status}."
    for topic, title in _TOPICS.items():
        figures = [
            (part, [one for one in part.measurements if one.topic == topic]) for part in run.parts.values()
        ]
        for part, some in figures:
            if some:
                yield from _topic(title, topic, part, some, run.name)


def _claims(part: Part) -> Iterator[str]:
    yield f"{part.data}:"
    yield ""
    yield "| promise | bound | measured | quartiles | | figures |"
    yield "|---|---|---|---|---|---|"
    short = []
    for claim in part.claims:
        bound = f"{'≤' if claim.at_most else '≥'} {claim.bound:g}"
        spread = "" if claim.spread is None else f"{_plain(claim.spread[0])} to {_plain(claim.spread[1])}"
        verdict = "pass" if claim.holds else "**falls short**"
        cells = (claim.text, bound, _plain(claim.measured), spread, verdict, claim.detail)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        if not claim.holds and claim.short:
            short.append(claim)
    yield ""
    yield from _reasons(short)


def _reasons(short: Sequence[Claim]) -> Iterator[str]:
    for key, reason in {claim.key: claim.short for claim in short}.items():
        yield f"* Why `{key}` falls short: {reason}."
    if short:
        yield ""


def _topic(title: str, topic: str, part: Part, some: Sequence[Measurement], run: str) -> Iterator[str]:
    """A row for each contestant and case, a column for each quantity."""
    yield f"### {title}"
    yield ""
    yield f"{part.data}."
    yield ""
    for name, words in ((topic, title), *((("cdf", "Latencies"),) if topic == "search" else ())):
        image = IMAGES / f"{run}-{name}.svg"
        if image.exists():
            yield f"![{words}](images/{image.name})"
            yield ""
    columns = list(dict.fromkeys((one.what, one.unit) for one in some))
    cases = list(dict.fromkeys(name for one in some for name in one.case))
    rows: dict[tuple[str, ...], dict[tuple[str, str], str]] = {}
    for one in some:
        place = (one.who, *(_case(name, one.case.get(name, "")) for name in cases))
        rows.setdefault(place, {})[one.what, one.unit] = _plain(one.value)
    heads = ["contestant", *cases, *(f"{what}, {unit}" if unit else what for what, unit in columns)]
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "---|" * len(heads)
    for place, found in rows.items():
        yield "| " + " | ".join([*place, *(found.get(column, "") for column in columns)]) + " |"
    yield ""
    for note in part.notes:
        yield f"* {note}"
    if part.notes:
        yield ""


def _case(name: str, value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.2%}" if name == "matching" else f"{value:,g}"


def _plain(value: float) -> str:
    digits: Callable[[float], str] = "{:,.0f}".format if abs(value) >= 100 else "{:.4g}".format
    return digits(value)


def _instructions() -> Iterator[str]:
    if not KEPT.exists():
        return
    counts: dict[str, dict[str, int]] = json.loads(KEPT.read_text(encoding="utf-8"))["counts"]
    yield "## Core's own instructions"
    yield ""
    yield "Bytecode instructions of core in one call; a batch has 200 rows, `search_many` 20 queries."
    yield ""
    yield "| call | " + " | ".join(f"Python {python}" for python in counts) + " |"
    yield "|---|" + "---|" * len(counts)
    for what in dict.fromkeys(what for found in counts.values() for what in found):
        cells = [f"{found[what]:,}" if what in found else "" for found in counts.values()]
        yield f"| {what} | " + " | ".join(cells) + " |"
    yield ""

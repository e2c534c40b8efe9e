"""A run of the benchmarks: what each part found, kept in one file, part by part."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from bench.measure import Claim, Measurement
from bench.workshop import machine, versions

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RESULTS", "ROOT", "Part", "Run", "load_run", "new_run"]

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"


@attrs.frozen(kw_only=True)
class Part:
    """What one suite found.

    Attributes:
        status: "done", or why not: "failed: …", "stopped after 60 s".
        data: The data set and its size.
        seconds: What it took.
        claims: Promises, measured.
        measurements: Figures.
        notes: What a reader must know, such as peers that are missing.
    """

    status: str
    data: str = ""
    seconds: float = 0.0
    claims: tuple[Claim, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def done(self) -> bool:
        """Whether it came to its end."""
        return self.status == "done"

    def to_dict(self) -> dict[str, object]:
        """Return what `from_dict` reads."""
        body = attrs.asdict(self)
        body["claims"] = [{**attrs.asdict(one), "holds": one.holds} for one in self.claims]
        return body

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Part:
        """Return the part that `to_dict` wrote."""
        entries = {**body, "notes": tuple(body.get("notes", ()))}
        entries["claims"] = tuple(Claim(**_restored(one)) for one in body.get("claims", ()))
        entries["measurements"] = tuple(Measurement(**_restored(one)) for one in body.get("measurements", ()))
        return cls(**entries)


@attrs.frozen(kw_only=True)
class Run:
    """Several parts, on one machine.

    Attributes:
        name: Of its file.
        when: The date.
        quick: Whether it was the short one.
        machine: Facts about it.
        versions: Of the packages compared.
        settings: What makes parts comparable: rows, data, backends.
        parts: By the suite's name.
    """

    name: str
    when: str
    quick: bool
    machine: Mapping[str, str | float]
    versions: Mapping[str, str]
    settings: Mapping[str, str | float]
    parts: Mapping[str, Part] = attrs.Factory(dict)

    @property
    def claims(self) -> list[Claim]:
        """The claims of all parts."""
        return [claim for part in self.parts.values() for claim in part.claims]

    def with_part(self, suite: str, part: Part) -> Run:
        """Return the run with one part more, or another in its place."""
        return attrs.evolve(self, parts={**self.parts, suite: part})

    def save(self, path: Path) -> None:
        """Write the run to *path*, as a whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        body = attrs.asdict(self, recurse=False)
        body["parts"] = {suite: part.to_dict() for suite, part in self.parts.items()}
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        draft.replace(path)


def new_run(name: str, *, quick: bool, settings: Mapping[str, str | float]) -> Run:
    """Return a run without parts, with the facts of this machine."""
    return Run(
        name=name,
        when=datetime.now(UTC).date().isoformat(),
        quick=quick,
        machine=machine(),
        versions=versions(),
        settings=settings,
    )


def load_run(path: Path) -> Run:
    """Return the run kept in *path*.

    Raises:
        ValueError: the file holds something else.
    """
    body = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(body, dict) or not isinstance(body.get("parts"), dict):
        raise ValueError(  # noqa: TRY004  # it is the file's content that is wrong
            f"{path} holds no run of the benchmarks; make one by python -m bench --save NAME"
        )
    body["parts"] = {suite: Part.from_dict(part) for suite, part in body["parts"].items()}
    return Run(**body)


def _restored(entry: Mapping[str, Any]) -> dict[str, Any]:
    plain = {name: value for name, value in entry.items() if name != "holds"}
    if plain.get("spread") is not None:
        plain["spread"] = tuple(plain["spread"])
    return plain

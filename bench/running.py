"""Running suites: each in a process of its own, in a time box, with what it found kept as it finds it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import attrs

from bench.data import corpus
from bench.measure import Claim, Measurement
from bench.runs import RESULTS, ROOT, Part, Run, load_run, new_run
from bench.suites import BACKENDS, Setup, Suite, chosen, suite

if TYPE_CHECKING:
    import argparse

__all__ = ["child", "measure", "table"]

_SIZE = (
    "The promises are meant for 100,000 documents of 384 dimensions; with fewer or shorter vectors the\n"
    "fixed costs of a call weigh more, and a scan costs less."
)
_GRACE = 10.0
"""Seconds in which a suite that was told to stop has to end its servers."""


def measure(options: argparse.Namespace) -> int:
    """Measure what *options* ask for, print it, and keep it where `--save` says so.

    Returns:
        0, also where promises fall short; 1 where a suite did not come to its end.
    """
    suites = chosen(options.what)
    unknown = set(options.backends.split(",")) - set(BACKENDS)
    if unknown:
        raise SystemExit(f"no backend {sorted(unknown)}; there are {', '.join(BACKENDS)}")
    path = _kept_in(options.save) if options.save else None
    run = _begun(options, path)
    print("; ".join(f"{name} {value}" for name, value in run.machine.items()))
    for one in suites:
        kept = run.parts.get(one.name)
        if kept is not None and kept.done:
            print(f"\n{one.name}: kept from before")
            continue
        part = _boxed(one, options)
        run = run.with_part(one.name, part)
        if path is not None:
            run.save(path)
    print("\n" + table(run))
    return 0 if all(run.parts[one.name].done for one in suites) else 1


def _kept_in(name: str) -> Path:
    """Return the file of `--save`: one of `bench/results`, or the one that is named with its ending."""
    return Path(name) if name.endswith(".json") else RESULTS / f"{name}.json"


def _begun(options: argparse.Namespace, path: Path | None) -> Run:
    settings: dict[str, str | float] = {
        "data": Path(options.data).name if options.data else "default",
        "dimension": options.dimension,
    }
    settings |= {"backends": options.backends, "rows": options.rows or "the suite's own"}
    if path is not None and path.exists() and options.resume:
        kept = load_run(path)
        if kept.settings != settings or kept.quick != options.quick:
            raise SystemExit(
                f"{path} was made with {dict(kept.settings)}; ask for the same, or --save another"
            )
        return kept
    return new_run(Path(options.save or "unsaved").stem, quick=options.quick, settings=settings)


def _boxed(one: Suite, options: argparse.Namespace) -> Part:
    """Run a suite in its own process; what it had found counts, however it ends."""
    limit = options.limit or one.seconds[0 if options.quick else 1]
    print(f"\n== {one.name}: {one.about} (at most {limit:.0f} s)", flush=True)
    with tempfile.TemporaryDirectory(prefix="pygent-vec-bench-") as work:
        out = Path(work) / "part.json"
        command = [sys.executable, "-m", "bench", one.name, "--out", str(out), *_arguments(options)]
        process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
        began, ending = monotonic(), ""
        try:
            if process.wait(timeout=limit):
                ending = f"failed: exit status {process.returncode}"
        except subprocess.TimeoutExpired:
            ending = f"stopped after {limit:.0f} s"
        finally:
            _stop(process)
        part = Part.from_dict(json.loads(out.read_text())) if out.exists() else Part(status="failed")
        if ending and not part.status.startswith("failed: "):
            part = attrs.evolve(part, status=ending)
    part = attrs.evolve(part, seconds=round(monotonic() - began, 1))
    print(f"   {part.status}, {part.seconds:.0f} s", flush=True)
    return part


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(timeout=_GRACE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _arguments(options: argparse.Namespace) -> list[str]:
    pairs = {name: getattr(options, name) for name in ("rows", "dimension", "data", "backends", "dsn")}
    given = [f"--{name}={value}" for name, value in pairs.items() if value is not None]
    return given + ["--quick"] * options.quick + ["--no-peers"] * options.no_peers


def child(options: argparse.Namespace) -> int:
    """Measure one suite in this process, and keep its part in the file `--out` after each finding."""
    (name,) = options.what
    one = suite(name)
    rows = options.rows or one.rows[0 if options.quick else 1]
    part = Part(status="begun")
    try:
        data = corpus(rows, dimension=options.dimension, source=options.data)
        part = attrs.evolve(part, data=f"{data.name}: {rows:,} x {data.vectors.shape[1]}")
        print(f"   {part.data}", flush=True)
        setup = Setup(
            data=data,
            work=options.out.parent,
            rounds=15 if options.quick else 60,
            backends=tuple(options.backends.split(",")),
            dsn=options.dsn,
            peers=not options.no_peers,
            quick=options.quick,
        )
        for finding in one.measure(setup):
            part = _grown(part, finding)
            _keep(options.out, part)
    except KeyboardInterrupt:
        return 130  # its time is up; what was found is kept
    except ImportError as error:
        status = f"failed: {type(error).__name__}: {error}"
        _keep(options.out, attrs.evolve(part, status=status))
        return 1
    except Exception as error:
        failed = f"failed: {type(error).__name__}: {error}".splitlines()[0]
        _keep(options.out, attrs.evolve(part, status=failed))
        raise
    _keep(options.out, attrs.evolve(part, status="done"))
    return 0


def _keep(path: Path, part: Part) -> None:
    """Write what was found as a whole or not at all: the time may be up at any instant."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(part.to_dict()))
    draft.replace(path)


def _grown(part: Part, finding: Claim | Measurement | str) -> Part:
    if isinstance(finding, Claim):
        return attrs.evolve(part, claims=(*part.claims, finding))
    if isinstance(finding, Measurement):
        if finding.topic != "cdf":
            print(f"   {_line(finding)}", flush=True)
        return attrs.evolve(part, measurements=(*part.measurements, finding))
    print(f"   note: {finding}", flush=True)
    return attrs.evolve(part, notes=(*part.notes, finding))


def _line(figure: Measurement) -> str:
    case = ", ".join(
        f"{name} {value if isinstance(value, str) else format(value, '.4g')}"
        for name, value in figure.case.items()
    )
    return f"{figure.who:20} {figure.what:20} {figure.value:12,.3f} {figure.unit:10} {case}"


def table(run: Run) -> str:
    """Return the claims of a run as text, each with its verdict, and with the reason where it falls short."""
    lines = [f"{'':32} {'measured':>9}    {'promised':>8}"]
    for claim in run.claims:
        sign, verdict = "<=" if claim.at_most else ">=", "pass" if claim.holds else "FALLS SHORT"
        lines.append(
            f"{claim.key or claim.topic:32} {claim.measured:9.3f} {sign} {claim.bound:8g}  {verdict}"
        )
        lines.append(f"{'':6}{claim.text}" + (f" ({claim.detail})" if claim.detail else ""))
        if not claim.holds and claim.short:
            lines.append(f"{'':6}why: {claim.short}")
    kept = sum(claim.holds for claim in run.claims)
    lines = [*lines, f"\n{kept} of {len(run.claims)} claims pass", _SIZE] if run.claims else []
    lines += [f"{name}: {part.status}" for name, part in run.parts.items() if not part.done]
    return "\n".join(lines)

"""Running the suite in a process of its own, out of reach of anyone's pytest configuration."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from pygent_vec_conformance.outcome import CheckResult, Kind, Outcome
from pygent_vec_conformance.profile import Profile
from pygent_vec_conformance.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["run"]

_MOST_CRASHES = 5
_INI = "[pytest]\naddopts = --import-mode=importlib\nxfail_strict = true\n"


def run(
    backend: str,
    settings: Mapping[str, object] | None = None,
    *,
    profile: Profile | str = Profile.QUICK,
    report_dir: str | Path | None = None,
    target: str | None = None,
    only: str | None = None,
    shrink: bool = True,
    quiet: bool = True,
) -> Verdict:
    """Check an installed backend and return the verdict; a crash of the backend is a failed check.

    Args:
        backend: Its name.
        settings: Its settings; `{unique}` in a text becomes a token of its own for each store.
        profile: How much to try.
        report_dir: Where to write the reports.
        target: `module:attribute` of a `StoreTarget` instead of an installed backend.
        only: A pytest `-k` expression; the verdict is then partial at best.
        shrink: Whether a random example that fails is made small, which takes longer.
        quiet: Whether to keep the run's own output to itself.
    """
    with tempfile.TemporaryDirectory(prefix="pygent-vec-conformance-run-") as name:
        folder = Path(name)
        (folder / "pytest.ini").write_text(_INI, encoding="utf-8")
        (folder / "settings.json").write_text(json.dumps(dict(settings or {})), encoding="utf-8")
        command = _command(folder, backend, target, Profile(profile), only)
        command += [] if shrink else ["--pygent-vec-no-shrink"]
        verdict = _ended(
            command, folder, Verdict(target=backend, profile=Profile(profile).value), quiet=quiet
        )
    if report_dir is not None:
        from pygent_vec_conformance.report import write_reports

        write_reports([verdict], report_dir)
    return verdict


def _ended(command: Sequence[str], folder: Path, nothing: Verdict, *, quiet: bool) -> Verdict:
    """Run pytest until it comes to an end, some checks after which the process crashed aside."""
    notes: list[str] = []
    code = 0
    for _ in range(_MOST_CRASHES + 1):
        code, output = _child(command, folder, quiet=quiet)
        report = next(folder.glob("report/*.json"), None)
        if report is not None:
            return attrs.evolve(Verdict.from_json(report.read_text(encoding="utf-8")), notes=tuple(notes))
        crashed = _crashed(folder, code)
        if not crashed:
            return attrs.evolve(
                nothing, notes=(f"the run ended with code {code} and left no report:\n{output}",)
            )
        notes.append(crashed)
    told = "\n".join(notes)
    return attrs.evolve(nothing, notes=(f"the run ended with code {code} and left no report:\n{told}",))


def _command(folder: Path, backend: str, target: str | None, profile: Profile, only: str | None) -> list[str]:
    suite = "pygent_vec_conformance.suite"
    command = [sys.executable, "-m", "pytest", "-c", str(folder / "pytest.ini"), "--rootdir", str(folder)]
    command += ["-p", "no:cacheprovider", "-p", "pygent_vec_conformance.pytest_plugin", "-q", "--tb=short"]
    command += ["--pyargs", suite, "--pygent-vec-profile", profile.value]
    command += ["--pygent-vec-report", str(folder / "report")]
    command += ["--pygent-vec-journal", str(folder / "journal")]
    command += ["--pygent-vec-target", target] if target else ["--pygent-vec-backend", backend]
    command += ["--pygent-vec-backend-config", f"@{folder / 'settings.json'}"]
    return [*command, "-k", only] if only else command


def _child(command: Sequence[str], folder: Path, *, quiet: bool) -> tuple[int, str]:
    """Run pytest without foreign plugins or options; return its exit code and the end of its output."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    output = folder / "output"
    with output.open("wb") as file:
        done = subprocess.run(  # noqa: S603  # this interpreter, our own arguments
            command,
            env=environment,
            check=False,
            stdout=file if quiet else None,
            stderr=subprocess.STDOUT if quiet else None,
        )
    return done.returncode, output.read_text(encoding="utf-8", errors="replace")[-4000:]


def _crashed(folder: Path, code: int) -> str:
    """Write the check that took the process with it down as failed; return a note, or nothing if none did."""
    journal = folder / "journal"
    if not journal.exists():
        return ""
    entries = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    begun = next((entry["begin"] for entry in reversed(entries) if "begin" in entry), None)
    done = {CheckResult.from_json(entry["result"]).check for entry in entries if "result" in entry}
    if begun is None or begun in done:
        return ""
    note = f"the process ended with code {code} during {begun}"
    with journal.open("a", encoding="utf-8") as file:
        file.write(f"{json.dumps({'result': _crash(begun, note).to_json()})}\n")
    return note


def _crash(title: str, note: str) -> CheckResult:
    from pygent_vec_conformance.catalogue import catalogue

    check = next(one for one in catalogue() if title in {one.title(case) for case in one.tries})
    text = f"{note}: the backend took the process with it (a negative code is a signal)"
    return CheckResult(
        target="",
        check=title,
        claim=check.claim,
        requirement=check.requirement.id,
        paragraph=check.requirement.paragraph,
        topic=check.topic,
        level=check.requirement.level,
        outcome=Outcome.FAILED,
        kind=Kind.ERROR,
        message=f"{check.requirement.id}: {text}",
        seen=text,
    )

"""`pygent-vec conformance`."""

import builtins
import json
import sys
from types import ModuleType

import pytest

from pygent_vec.cli._conformance import Profile
from pygent_vec.plugin._discovery import KNOWN_BACKENDS

from .cli_support import run


class Verdict:
    """What the suite returns."""

    exit_code = 1

    def to_json(self):
        return json.dumps({"status": "failed"})


@pytest.fixture
def suite(monkeypatch):
    """A suite that records how it was called, and finds a fault."""
    calls = []

    def checked(name, settings, *, profile, report_dir, only, shrink):
        calls.append((name, settings, profile, report_dir, only, shrink))
        return Verdict()

    package, runner, report = (
        ModuleType(f"pygent_vec_conformance{part}") for part in ("", ".runner", ".report")
    )
    runner.run, report.summary = checked, lambda verdict: ["FAILED: memory", "  VS-101: lost a document"]
    for module in (package, runner, report):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return calls


def test_the_options_reach_the_suite_and_its_verdict_is_the_exit_code(suite, tmp_path):
    result = run(
        "conformance",
        "memory",
        "--profile",
        "full",
        "--report",
        tmp_path,
        "--setting",
        "a=1",
        "--setting",
        "b=x=y",
        "--only",
        "reads or writes",
        "--no-shrink",
    )
    assert suite == [("memory", {"a": "1", "b": "x=y"}, "full", tmp_path, "reads or writes", False)]
    assert result.exit_code == 1
    assert "FAILED: memory\n  VS-101: lost a document" in result.stdout


def test_the_verdict_comes_as_json_too(suite):
    result = run("conformance", "memory", "--json")
    assert json.loads(result.stdout) == {"status": "failed"}
    assert result.exit_code == 1


def test_a_backend_that_is_not_installed_is_not_checked(suite, monkeypatch):
    monkeypatch.setitem(KNOWN_BACKENDS, "attic", "pip install pygent-vec-attic")
    result = run("conformance", "attic")
    assert result.exit_code == 1
    assert "pip install pygent-vec-attic" in result.stderr
    assert suite == []


@pytest.mark.parametrize("options", [["--setting", "path"], ["--setting", "=x"], ["--profile", "slow"]])
@pytest.mark.usefixtures("suite")
def test_options_that_make_no_sense_exit_with_2(options):
    assert run("conformance", "memory", *options).exit_code == 2


def test_without_the_suite_the_command_says_how_to_install_it(monkeypatch):
    real = builtins.__import__

    def without(name, *arguments):
        if name.startswith("pygent_vec_conformance"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    result = run("conformance", "memory")
    assert result.exit_code == 1
    assert "pip install pygent-vec-conformance" in result.stderr


def test_the_profiles_are_those_of_the_suite():
    profile = pytest.importorskip("pygent_vec_conformance.profile", reason="a distribution of its own")
    assert [one.value for one in Profile] == [one.value for one in profile.Profile]

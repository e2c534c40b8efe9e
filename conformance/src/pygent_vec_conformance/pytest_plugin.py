"""The pytest plugin: options, honest outcomes, and the verdict at the end.

Every pytest run of an environment imports this module, so it imports neither NumPy nor Hypothesis, nor core.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pygent_vec_conformance.options import Options, add_options, options_of
from pygent_vec_conformance.outcome import CheckResult, Kind, Outcome
from pygent_vec_conformance.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Generator

    from pygent_vec_conformance.checks import Check

__all__ = ["OPTIONS", "RESULT", "STATE", "TARGET"]

RESULT = "pygent_vec_conformance_result"
TARGET = "pygent_vec_conformance_target"


OPTIONS: pytest.StashKey[Options] = pytest.StashKey()
STATE: pytest.StashKey[Recorder] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the suite's options."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Read the options and begin with an empty record."""
    options = options_of(config)
    config.stash[OPTIONS] = options
    state = Recorder(
        journal=options.journal if not hasattr(config, "workerinput") else None,
        demanded=bool(options.backend or options.target),
        collect_only=bool(config.getoption("collectonly")),
    )
    config.stash[STATE] = state
    config.pluginmanager.register(_Listener(state), "pygent-vec-conformance-listener")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Collect the suite where the whole package was named: `pytest --pyargs pygent_vec_conformance`."""
    options = parent.config.stash[OPTIONS]
    if file_path != Path(__file__).with_name("suite.py") or not (options.backend or options.target):
        return None
    if parent.session.isinitpath(file_path):
        return None
    module: pytest.Module = pytest.Module.from_parent(parent, path=file_path)
    return module


def pytest_pycollect_makeitem(
    collector: pytest.Module | pytest.Class, name: str, obj: object
) -> pytest.Class | None:
    """Collect a class that adopts the contract, whatever pytest's naming rules say."""
    contract = sys.modules.get("pygent_vec_conformance.contract")
    if contract is None or not isinstance(obj, type) or obj is contract.VectorStoreContract:
        return None
    if not issubclass(obj, contract.VectorStoreContract):
        return None
    changes = contract.changes_of(obj)
    item: pytest.Class = pytest.Class.from_parent(collector, name=name, obj=obj)
    collector.config.stash[STATE].collected(item.nodeid, changes)
    return item


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the profile has not and what a crashed run had done; let checks time themselves."""
    state, profile = config.stash[STATE], config.stash[OPTIONS].profile
    items[:] = [item for item in items if _is_wanted(item, state, profile)]
    if config.pluginmanager.hasplugin("timeout"):  # its limit is one for all tests, of any profile
        for item in items:
            if _check_of(item) is not None:
                item.add_marker(pytest.mark.timeout(0))


def _is_wanted(item: pytest.Item, state: Recorder, profile: str) -> bool:
    check = _check_of(item)
    return check is None or (check.least in _up_to(profile) and not state.is_done(item.name))


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, object, None]:
    """Turn whatever kept a check from running into a failure: a skip, an xfail, a broken fixture."""
    outcome = yield
    check = _check_of(item)
    if check is None:
        return
    report: pytest.TestReport = outcome.get_result()  # type: ignore[attr-defined]  # pluggy's result
    marked = hasattr(report, "wasxfail")
    if report.outcome == "skipped" or marked:
        reason = str(report.wasxfail) if marked else str(report.longrepr)
        if marked:
            del report.wasxfail
        report.outcome = "failed"
        report.longrepr = (
            f"{item.name} was skipped or marked from outside of the suite: {reason}. "
            "The contract has no skips: "
            "make the backend reachable, or declare a known fault in known_faults"
        )
        _forget_result(report)
    if report.outcome == "failed" and not _has_result(report):
        result = _harness_failure(item, check, str(report.longrepr))
        report.user_properties.append((RESULT, result.to_json()))


class _Listener:
    """Records each result where it arrives: here, or at the controller of xdist."""

    def __init__(self, state: Recorder) -> None:
        self._state = state

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._state.take(report.nodeid, report.user_properties)

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self._state.excuse(item.nodeid for item in items)


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(
    report: pytest.TestReport | pytest.CollectReport,
) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """Name the outcomes that pytest does not know."""
    if not isinstance(report, pytest.TestReport) or report.when != "call" or report.outcome != "passed":
        return None
    texts = [text for name, text in report.user_properties if name == RESULT]
    if not texts:
        return None
    result = CheckResult.from_json(str(texts[0]))
    if result.outcome is Outcome.REFUSED:
        return "refused as declared", "R", ("REFUSED AS DECLARED", {"cyan": True})
    if result.outcome is Outcome.XFAILED:
        return "known faults", "x", ("KNOWN FAULT", {"yellow": True})
    return None


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Decide, write the reports, and fail a run that proved nothing."""
    config = session.config
    worker = getattr(config, "workeroutput", None)
    state = config.stash[STATE]
    if worker is not None:
        worker["pygent_vec_conformance"] = state.to_worker()
        return
    if not state.is_used():
        return
    from pygent_vec_conformance.report import write_reports

    options = config.stash[OPTIONS]
    verdicts = state.verdicts(options.profile)
    if options.report is not None:
        write_reports(verdicts, options.report)
    named = any("::" in argument for argument in config.args)
    if session.shouldstop or session.shouldfail or named or exitstatus == pytest.ExitCode.INTERRUPTED:
        state.excuse_all()
    if exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED} and any(
        verdict.failed for verdict in verdicts
    ):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Take over what an xdist worker noted."""
    output = getattr(node, "workeroutput", {})
    config: pytest.Config = node.config  # type: ignore[attr-defined]  # xdist's node
    config.stash[STATE].from_worker(output.get("pygent_vec_conformance", "[]"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the verdict of each target."""
    state = config.stash[STATE]
    if not state.is_used():
        return
    from pygent_vec_conformance.report import summary

    for verdict in state.verdicts(config.stash[OPTIONS].profile):
        terminalreporter.section(f"conformance of {verdict.target}", sep="=")
        for line in summary(verdict, failures=False):
            terminalreporter.write_line(line)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave the process at once where a check still hangs in a thread that Python would wait for."""
    state = config.stash.get(STATE, None)
    if state is not None and state.hung:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(pytest.ExitCode.TESTS_FAILED))


def _check_of(item: pytest.Item) -> Check | None:
    check: Check | None = getattr(getattr(item, "function", None), "conformance_check", None)
    return check


def _up_to(profile: str) -> tuple[str, ...]:
    order = ("quick", "full", "soak")
    return order[: order.index(profile) + 1]


def _has_result(report: pytest.TestReport) -> bool:
    return any(name == RESULT for name, _ in report.user_properties)


def _forget_result(report: pytest.TestReport) -> None:
    report.user_properties[:] = [pair for pair in report.user_properties if pair[0] != RESULT]


def _harness_failure(item: pytest.Item, check: Check, message: str) -> CheckResult:
    requirement = check.requirement
    return CheckResult(
        target="",
        check=item.name,
        claim=check.claim,
        requirement=requirement.id,
        paragraph=requirement.paragraph,
        topic=check.topic,
        level=requirement.level,
        outcome=Outcome.FAILED,
        kind=Kind.HARNESS,
        message=message,
        seen=message,
    )

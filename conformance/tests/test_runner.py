"""The run in a process of its own, and its reports."""

import json
import os
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pygent_vec.stores import MemoryConfig, MemoryStore
from pygent_vec_conformance import StoreTarget, run
from pygent_vec_conformance.outcome import Kind, Outcome
from pygent_vec_conformance.report import badge, markdown, page, write_reports
from pygent_vec_conformance.verdict import Status, Verdict

FEW = "opens_and_answers or adding_nothing or index_kind_can_be_made"


class Crashing(MemoryStore):
    def _delete(self, spec, ids):
        os.abort()


CRASHING = StoreTarget(
    backend="memory",
    factory=lambda settings, embedder: Crashing(MemoryConfig(), embedder=embedder),
    path_setting="",
    label="crashing <script>",
)


@pytest.fixture(scope="module")
def crashed(tmp_path_factory):
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)
    try:
        return run(
            "memory",
            target="test_runner:CRASHING",
            only="deleting_counts or opens_and_answers or adding_nothing",
        )
    finally:
        del os.environ["PYTHONPATH"]


def test_a_run_in_a_child_gives_a_verdict(tmp_path):
    verdict = run("memory", only=FEW, report_dir=tmp_path)
    assert verdict.status is Status.PARTIAL
    assert (verdict.count(Outcome.PASSED), verdict.count(Outcome.REFUSED)) == (4, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "memory.html",
        "memory.json",
        "memory.md",
        "memory.svg",
    ]
    assert verdict.description["capabilities"]["durable"] is False
    assert {"pygent-vec", "numpy", "python"} <= set(verdict.description["versions"])


def test_a_foreign_ini_does_not_reach_the_child(tmp_path, monkeypatch):
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --collect-only\npython_functions = nothing_*\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_ADDOPTS", "--collect-only")
    assert run("memory", only="opens_and_answers").count(Outcome.PASSED) == 1


def test_an_unknown_backend_fails():
    verdict = run("no-such-backend", only="opens_and_answers")
    assert verdict.status is Status.FAILED
    assert "no-such-backend" in verdict.results[0].message


def test_a_run_without_a_check_fails():
    verdict = run("memory", only="no_such_check")
    assert verdict.status is Status.FAILED
    assert verdict.exit_code == 1


def test_a_crash_of_the_process_is_a_failed_check_and_not_the_end(crashed):
    (failed,) = crashed.of(Outcome.FAILED)
    assert failed.check == "test_deleting_counts_what_existed"
    assert failed.kind is Kind.ERROR
    assert "-6" in failed.message
    assert crashed.count(Outcome.PASSED) == 2


def test_a_verdict_survives_json(crashed):
    assert Verdict.from_json(crashed.to_json()) == crashed
    assert json.loads(crashed.to_json())["status"] == "failed"
    assert crashed.description["backend"] == "memory"


def test_the_page_escapes_what_it_shows(crashed):
    text = page(crashed)
    assert "<script>" not in text
    assert "test_deleting_counts_what_existed" in text


def test_the_badge_is_an_image(crashed):
    root = ET.fromstring(badge(crashed))
    assert root.tag.endswith("svg")
    assert "1 of 3 failed" in badge(crashed)


def test_the_markdown_names_requirement_and_paragraph(crashed):
    text = markdown(crashed)
    assert "VS-239" in text
    assert "§2 writing" in text


def test_two_targets_have_two_reports(tmp_path, crashed):
    paths = write_reports([crashed, Verdict.nothing("quick")], tmp_path)
    assert len(set(paths)) == 8


def test_the_exit_code_tells_the_verdict(crashed):
    assert run("memory", only="adding_nothing").exit_code == 2
    assert crashed.exit_code == 1
    refused = run("memory", {"no_such_setting": "1"}, only="adding_nothing")
    assert refused.exit_code == 1
    assert "no_such_setting" in refused.results[0].message

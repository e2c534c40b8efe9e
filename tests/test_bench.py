"""The benchmarks: what they count is right, what they print is what they found, and core has not become dearer."""

import json
import os
import re
import subprocess
import sys
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import attrs
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # the benchmarks are no distribution: they are run in a clone

from bench import instructions, report, running, texts  # noqa: E402  # found by the line above
from bench.__main__ import main  # noqa: E402
from bench.claims import claim, promises  # noqa: E402
from bench.compare import changes, compare  # noqa: E402
from bench.contestants import Where, field_of  # noqa: E402
from bench.contestants.program import Program  # noqa: E402
from bench.data import corpus  # noqa: E402
from bench.measure import Measurement, paired, percentile  # noqa: E402
from bench.peers.environments import PEERS, peer  # noqa: E402
from bench.runs import Part, Run, load_run  # noqa: E402
from bench.suites import SUITES, Setup, chosen, suite  # noqa: E402
from bench.topics.growth import exponent  # noqa: E402
from bench.truth import truth_of  # noqa: E402

ENGINE = """
import sys
sys.path.insert(0, {root!r})
from bench.peers import serving
from bench.peers.serving import serve

serving.version = "version of {{}}".format

class Engine:
    def __init__(self, work, server):
        print("what a library prints is no answer")

    def fill(self, rows):
        self.ids, self.vectors = rows["ids"], rows["vectors"]

    def search(self, vector, k, where):
        if where:
            raise NotImplementedError("no filters here")
        return [self.ids[row] for row in (self.vectors @ vector).argsort()[::-1][:k]]

serve(Engine)
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Keep this user's cache out of the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def data():
    return corpus(1200, dimension=16, queries=50, source="clustered")


def a_run(**parts):
    return Run(
        name="a", when="2026-01-01", quick=True, machine={"cores": 2}, versions={}, settings={}, parts=parts
    )


def a_part(*, claims=(), measurements=()):
    return Part(status="done", data="some", claims=tuple(claims), measurements=tuple(measurements))


def a_figure(value, *, spread=None, what="p50", better="less"):
    return Measurement(
        topic="search", who="faiss", what=what, unit="µs", value=value, spread=spread, better=better
    )


# ── the instructions of core ──


def test_no_call_of_core_needs_a_tenth_more_instructions_than_was_kept():
    kept = instructions.kept_counts()
    if kept is None:
        pytest.skip(f"no counts are kept for Python {sys.version_info[:2]}")
    worse = instructions.risen(kept, instructions.counts())
    assert not worse, "\n".join([*worse, "if it is worth it: python -m bench instructions --save"])


def test_the_same_call_needs_the_same_instructions_again():
    assert instructions.counts() == instructions.counts()


def test_instructions_of_other_packages_do_not_count():
    assert instructions.counted(lambda: json.dumps({"a": [1, 2, 3]}, indent=1)) == 0


def test_a_call_that_became_dearer_or_disappeared_is_named():
    kept = {"a": 1000, "b": 1000, "c": 1000}
    assert [line.split(":")[0] for line in instructions.risen(kept, {"a": 1100, "b": 1101})] == [
        "c is no longer counted",
        "b",
    ]


# ── promises ──


def test_every_claim_that_is_measured_is_a_promise_and_the_other_way_round():
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "bench").glob("*.py")]
    keys = set(
        re.findall(
            r'"((?:faiss|postgres|chroma|telemetry|transfer|files)\.[a-z_]+|import)"', "".join(sources)
        )
    )
    written = {
        key for key in promises() if (ROOT / "bench" / "transfer.py").exists() or "transfer." not in key
    }
    if not (ROOT / "bench" / "files.py").exists():
        written = {key for key in written if not key.startswith("files.")}
    assert keys <= set(promises())
    assert written <= keys


def test_a_claim_at_its_bound_holds_and_beyond_it_does_not():
    assert claim("faiss.search", measured=1.3).holds
    assert not claim("faiss.search", measured=1.31).holds
    assert claim("faiss.ingest", measured=0.5).holds
    assert not claim("faiss.ingest", measured=0.49).holds


def test_a_claim_that_nobody_promised_is_refused():
    with pytest.raises(LookupError, match=re.escape("bench/claims.toml")):
        claim("faiss.magic", measured=1.0)


def test_the_table_tells_what_falls_short_and_why():
    part = a_part(claims=[claim("faiss.search", measured=2.0), claim("faiss.ingest", measured=0.9)])
    text = running.table(a_run(embedded=part, chroma=Part(status="stopped after 9 s")))
    assert "FALLS SHORT" in text
    assert f"why: {promises()['faiss.search'].short}" in text
    assert "1 of 2 claims pass" in text
    assert "chroma: stopped after 9 s" in text


# ── runs ──


def test_a_run_is_read_as_it_was_written(tmp_path):
    part = a_part(
        claims=[claim("faiss.search", measured=1.2, spread=(1.1, 1.3))],
        measurements=[a_figure(5.0, spread=(4.0, 6.0))],
    )
    run = a_run(embedded=attrs.evolve(part, notes=("a peer is missing",)))
    run.save(tmp_path / "a.json")
    assert load_run(tmp_path / "a.json") == run


def test_a_file_that_holds_no_run_is_refused(tmp_path):
    (tmp_path / "a.json").write_text('{"counts": {}}')
    with pytest.raises(ValueError, match="holds no run"):
        load_run(tmp_path / "a.json")


def test_a_suite_is_measured_kept_and_not_repeated(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(running, "RESULTS", tmp_path)
    command = ["bench", "import", "--quick", "--rows=100", "--dimension=4", "--data=clustered", "--save=x"]
    monkeypatch.setattr(sys, "argv", command)
    assert main() == 0
    (measured,) = load_run(tmp_path / "x.json").claims
    assert measured.key == "import"
    assert 0 < measured.measured < 60
    monkeypatch.setattr(sys, "argv", [*command, "--resume"])
    assert main() == 0
    assert "import: kept from before" in capfd.readouterr().out
    assert load_run(tmp_path / "x.json").claims == [measured]


def test_a_suite_that_takes_too_long_is_stopped_and_told(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(running, "RESULTS", tmp_path)
    options = ["--quick", "--rows=100", "--dimension=4", "--data=clustered", "--limit=0.4", "--save=x"]
    monkeypatch.setattr(sys, "argv", ["bench", "import", *options])
    assert main() == 1
    assert load_run(tmp_path / "x.json").parts["import"].status == "stopped after 0 s"
    assert "import: stopped after 0 s" in capfd.readouterr().out


def test_suites_are_chosen_by_name_and_by_kind():
    assert next(one.name for one in chosen(["search", "all", "search"])) == "search"
    assert {one.name for one in chosen(["all"])} == {one.name for one in SUITES}
    assert chosen([]) == chosen(["claims"])
    assert sum(one.seconds[0] for one in chosen([])) <= 540, "a quick run would not end within ten minutes"
    with pytest.raises(LookupError, match="there are import, embedded"):
        suite("everything")


# ── comparing ──


@pytest.mark.parametrize(
    ("before", "after", "worse"),
    [
        (a_figure(100), a_figure(120), True),
        (a_figure(100), a_figure(109), False),
        (a_figure(100), a_figure(80), False),
        (a_figure(100, better="more"), a_figure(80, better="more"), True),
        (a_figure(100, spread=(70, 130)), a_figure(125, spread=(110, 150)), False),
        (a_figure(100, spread=(99, 101)), a_figure(125, spread=(124, 126)), True),
        (
            a_figure(1.0, what="recall@10", better="more"),
            a_figure(0.98, what="recall@10", better="more"),
            True,
        ),
    ],
)
def test_only_what_exceeds_the_noise_is_a_regression(before, after, worse):
    (change,) = changes(a_run(s=a_part(measurements=[before])), a_run(s=a_part(measurements=[after])))
    assert change.regression is worse


def test_comparing_fails_where_a_claim_became_worse(tmp_path, capsys):
    for name, measured in (("before", 1.0), ("after", 1.5)):
        part = a_part(claims=[claim("faiss.search", measured=measured, spread=(measured, measured))])
        a_run(embedded=part).save(tmp_path / f"{name}.json")
    assert compare(tmp_path / "before.json", tmp_path / "after.json") == 1
    assert "1 worse, 0 better" in capsys.readouterr().out
    assert compare(tmp_path / "after.json", tmp_path / "before.json") == 0


# ── the page ──


def test_the_committed_page_is_what_the_kept_results_say():
    page = report.PAGE.read_text(encoding="utf-8")
    assert page == report.generated(page), "write it anew: python -m bench report"


def test_a_page_without_its_markers_is_refused():
    with pytest.raises(ValueError, match="needs the lines"):
        report.generated("# Performance")


# ── what is measured ──


def test_a_share_of_the_rows_is_selected_at_random_or_along_the_vectors(data):
    near = Where(field="near", below=12).mask(data)
    rows = data.vectors / np.linalg.norm(data.vectors, axis=1, keepdims=True)
    similar = rows @ rows[0]
    assert near.sum() == Where(field="row", below=12).mask(data).sum() == 12
    assert similar[near].min() >= similar[~near].max()


def test_real_sentences_are_the_default_and_more_than_there_are_is_refused(monkeypatch):
    every = texts._sources
    monkeypatch.setattr(texts, "_sources", lambda: islice(every(), 40))
    found = corpus(200, queries=20)
    assert found.name == "docstrings, static embedder"
    assert found.vectors.shape == (200, 128)
    assert all(len(text) == 500 for text in found.contents)
    with pytest.raises(ValueError, match="ask for fewer"):
        corpus(10**6, source="static")


def test_the_truth_is_kept_and_counts_what_is_as_near_as_the_tenth(data):
    mask = Where(field="row", below=5).mask(data)
    for _ in range(2):  # computed, then read
        truth = truth_of(data, mask=mask)
        assert truth.wanted == 5
        assert truth.recall(3, [0, 1, 2, 3, 4]) == 1.0
        assert truth.recall(3, [0, 1, 2]) == pytest.approx(0.6)
        assert truth.recall(3, []) == 0.0


def test_percentiles_are_nearest_ranks_and_exponents_are_fitted():
    assert [percentile([30, 10, 20, 40], share) for share in (0.25, 0.5, 0.75, 1.0)] == [10, 20, 30, 40]
    assert exponent([1000, 2000, 4000], [2e-3, 4e-3, 8e-3]) == pytest.approx(1.0)


def test_a_pair_measures_both_sides_as_often_and_inverts_its_quartiles():
    calls = []
    pair = paired(lambda: calls.append("ours"), lambda: calls.append("theirs"), rounds=4, warm_up=1)
    assert calls.count("ours") == calls.count("theirs") == 5
    assert pair.inverse == (pytest.approx(1 / pair.spread[1]), pytest.approx(1 / pair.spread[0]))


def test_contestants_find_the_same_and_missing_peers_are_named(data, tmp_path):
    setup = Setup(data=data, work=tmp_path, rounds=1, backends=("faiss", "memory"))
    where, notes = Where(field="row", below=100), []
    with field_of(setup, notes) as field:
        for one in field:
            one.fill(data)
            one.finish()
            for condition in (None, where) if one.name != "raw faiss + sqlite" else (None,):
                truth = truth_of(data, mask=None if condition is None else condition.mask(data))
                found = one.search(data.queries, condition).found
                rows = [[int(key[4:]) for key in ids] for ids in found]
                recalls = [truth.recall(place, some) for place, some in enumerate(rows)]
                assert np.mean(recalls) >= 0.95, f"{one.name}, {condition}"
    missing = [one.name for one in PEERS if one.backend == "faiss"]
    assert [note.split(" is missing")[0] for note in notes] == missing


@pytest.fixture
def program(tmp_path):
    place = peer("langchain-faiss").python
    place.parent.mkdir(parents=True)
    (tmp_path / "engine.py").write_text(ENGINE.format(root=str(ROOT)))
    place.write_text(f"#!/bin/sh\nexec {sys.executable} {tmp_path / 'engine.py'}\n")
    place.chmod(0o755)
    with ExitStack() as stack:
        made = Program(peer("langchain-faiss"), tmp_path / "work")
        stack.callback(made.close)
        yield made


def test_a_peer_answers_in_its_own_process_and_its_refusals_are_told(program, data):
    assert program.versions.startswith("langchain-community version of langchain-community, ")
    program.fill(data)
    answers = program.search(data.vectors[:3])
    assert [ids[0] for ids in answers.found] == [
        data.ids[int(np.argmax(data.vectors @ vector))] for vector in data.vectors[:3]
    ]
    assert all(second > 0 for second in answers.seconds)
    assert program.fill_seconds >= 0
    with pytest.raises(NotImplementedError, match="langchain-faiss: no filters here"):
        program.search(data.queries, Where(field="row", below=5))


def test_the_command_line_lists_its_suites():
    environment = {**os.environ, "COLUMNS": "120"}
    command = [sys.executable, "-m", "bench", "--help"]
    text = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert all(re.search(rf"^  {one.name} ", text, re.MULTILINE) for one in SUITES)

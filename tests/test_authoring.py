"""The author's kit: the example passes the suite from its own wheel, and a new package runs at once."""

import ast
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "pygent-vec-sqlite"
GUIDE = ROOT / "docs" / "authoring.md"
MOST_LINES = 250
"""Of code in all modules of the example: it is for reading."""


def uv(*arguments):
    program = os.environ.get("UV") or shutil.which("uv")
    if program is None:
        pytest.skip("needs uv to build wheels: python -m pip install uv")
    subprocess.run([program, *map(str, arguments)], check=True, capture_output=True, text=True, timeout=250)


def installed(source, place):
    """Build the wheel of *source* and install it alone into *place*."""
    uv("build", "--quiet", "--wheel", "--out-dir", place / "dist", source)
    (wheel,) = (place / "dist").glob("*.whl")
    uv("pip", "install", "--quiet", "--no-deps", "--no-index", "--target", place / "site", wheel)
    return place / "site"


def run(*command, site, cwd=None):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
        cwd=cwd or site,
        env={**environment, "PYTHONPATH": str(site), "COLUMNS": "200"},
    )


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory):
    return installed(EXAMPLE, tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """A new package, and the directory in which it is installed."""
    place = tmp_path_factory.mktemp("shelf")
    made = run("pygent_vec", "new-plugin", "shelf", "--directory", place / "package", site=place)
    assert made.returncode == 0, made.stderr
    return place / "package", installed(place / "package", place)


# ── the example ──


def stages():
    """Return the selections of checks that the guide names, in its order."""
    found = re.findall(
        r'pygent-vec conformance shelf --only "?([^"\n]+)"?', GUIDE.read_text(encoding="utf-8")
    )
    return [one for one in found if "kill" not in one and "tasks" not in one]


def test_the_example_passes_what_the_guide_tells_to_run_from_its_own_wheel(sqlite):
    assert len(stages()) == 6
    only = " or ".join(f"({one})" for one in stages())
    done = run("pygent_vec", "conformance", "sqlite", "--json", "--only", only, site=sqlite)
    verdict = json.loads(done.stdout)
    assert verdict["counts"]["failed"] == 0, done.stdout
    assert verdict["counts"]["passed"] > 60
    assert done.returncode == 2, "a selection is never a pass"


def test_the_example_passes_its_own_tests_from_its_wheel(sqlite):
    tests = EXAMPLE / "tests" / "test_store.py"
    done = run(
        "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", sqlite, tests, site=sqlite
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("stage", stages())
def test_each_selection_of_the_guide_selects_checks(stage, request):
    from pygent_vec_conformance.catalogue import catalogue

    names = [name for check in catalogue() for name in map(check.title, check.tries)]
    words = stage.split(" or ")
    assert [word for word in words if not any(word in name for name in names)] == []


def test_the_example_uses_public_names_only():
    sources = [path.read_text(encoding="utf-8") for path in (EXAMPLE / "src").rglob("*.py")]
    imports = [
        line
        for text in sources
        for line in text.splitlines()
        if re.match(r"\s*(from|import) pygent_vec\b", line)
    ]
    assert imports
    assert [line for line in imports if re.search(r"[ .]_\w", line)] == []


def code_lines(text):
    """Return the lines of a module that hold code: not blank, no comment alone, no docstring."""
    layout = {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    held = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in {*layout, tokenize.COMMENT}:
            held.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
            held.difference_update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return held


def test_the_example_can_be_read_in_one_sitting():
    sample = '"""Text."""\n\nA = """\n\n"""  # why\n# why\ndef f():\n    """Do."""\n'
    assert code_lines(sample) == {3, 4, 5, 7}
    sources = [path.read_text(encoding="utf-8") for path in (EXAMPLE / "src").rglob("*.py")]
    count = sum(len(code_lines(text)) for text in sources)
    assert 200 < count <= MOST_LINES


# ── a new package ──


def test_a_new_package_passes_the_gates(shelf):
    package, site = shelf
    for tool in (
        ("ruff", "check", "--no-cache"),
        ("ruff", "format", "--check", "--no-cache"),
        ("mypy", "--cache-dir", os.devnull),
    ):
        pytest.importorskip(tool[0], reason="a tool of developers")
        done = run(*tool, site=site, cwd=package)
        assert done.returncode == 0, f"{tool}: {done.stdout}{done.stderr}"


def test_a_new_package_fails_only_where_its_author_must_write(shelf):
    package, site = shelf
    done = run("pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", site=site, cwd=package)
    failed = re.findall(r"^FAILED (tests/\w+\.py)", done.stdout, re.MULTILINE)
    assert set(failed) == {"tests/test_conformance.py"}
    assert re.search(r"\b3 passed\b", done.stdout), done.stdout[-500:]
    assert "error" not in done.stdout.splitlines()[-1]
    assert "NotImplementedError: _open is to be written: see 'Life' in pygent-vec's guide" in done.stdout


def test_the_smoke_check_names_the_primitive_to_write_next(shelf, tmp_path):
    _, site = shelf
    shutil.copytree(site, tmp_path / "site")
    store = tmp_path / "site" / "pygent_vec_shelf" / "store.py"
    store.write_text(store.read_text().replace('raise _unwritten("_open", "Life")', "return"))
    done = run(
        "pygent_vec", "conformance", "shelf", "--json", "--only", "a_store_opens", site=tmp_path / "site"
    )
    (smoke,) = json.loads(done.stdout)["results"]
    assert smoke["outcome"] == "failed"
    assert "_create_collection is to be written: see 'Collections'" in smoke["message"]

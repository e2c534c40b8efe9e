"""The documentation does what it says: every example in it is executed.

A page is a Markdown file. What its fenced blocks mean is told by their language:

* `python` is executed, all blocks of a page in order, in one namespace and one temporary directory. A title
  that begins with "not executed:" says why it is not; one that names a file says that the block is a verbatim
  part of that file under `docs/` or beside it, which is tested as a whole.
* `output` is what the block before it prints. `...` in it stands for anything.
* `console` is executed by a shell in the same directory, each line that begins with `$ `; below it stands what
  it prints.
* `bash`, `toml` and `json` are for copying, and have to be well-formed. `text` is prose.
"""

import doctest
import importlib
import json
import os
import pkgutil
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

import pygent_vec
import pygent_vec_embed_static
import pygent_vec_faiss
from pygent_vec import VectorDocument, evaluate
from pygent_vec.sync import open_store

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(
    [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "core/README.md")),
        *ROOT.glob("plugins/*/README.md"),
        *ROOT.glob("examples/*/README.md"),
        *DOCS.rglob("*.md"),
    ]
)
NOT_EXECUTED: dict[str, int] = {}
"""How many blocks of a page are not executed: a number that a change of this file has to raise."""

FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>```+|~~~+) *(?P<language>\w*)(?P<rest>.*)$")
TITLE = re.compile(r'^ title="(?P<title>[^"]+)"$')
LINK = re.compile(r"\]\((?P<target>[^)#\s]+)(?:#[^)\s]*)?\)")
FLAGS = doctest.ELLIPSIS | doctest.REPORT_NDIFF


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block of a page. Lines count from 1, and `line` is that of its first content."""

    language: str
    title: str
    line: int
    text: str


def blocks_of(page):
    """Return the fenced blocks of a page, and refuse those that a reader of this file would not expect."""
    blocks, fence, lines = [], None, []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        match = FENCE.match(line)
        if fence is None and match:
            assert not match["indent"], f"{page}:{number}: an indented block would not be executed"
            title = TITLE.match(match["rest"])
            assert title or not match["rest"].strip(), f"{page}:{number}: cannot read {match['rest']!r}"
            fence = (match["ticks"], match["language"], title["title"] if title else "", number + 1)
        elif fence is not None and line.strip() == fence[0]:
            blocks.append(
                Block(language=fence[1], title=fence[2], line=fence[3], text="\n".join([*lines, ""]))
            )
            fence, lines = None, []
        elif fence is not None:
            lines.append(line)
    assert fence is None, f"{page}: the block at line {fence[3]} has no end"
    return blocks


def name_of(page):
    return page.relative_to(ROOT).as_posix()


PAGE = pytest.mark.parametrize("page", PAGES, ids=name_of)


class Reader:
    """Someone who reads a page from the top and tries everything in it."""

    def __init__(self, page, capsys):
        self.page = page
        self.capsys = capsys
        self.namespace = {"__name__": "__main__"}
        self.printed = ""

    def read(self, block):
        if block.language == "python" and not block.title:
            code = compile("\n" * (block.line - 1) + block.text, str(self.page), "exec")
            self.capsys.readouterr()
            exec(code, self.namespace)
            self.printed = self.capsys.readouterr().out
        elif block.language == "output":
            self.check(block.text, self.printed, block.line)
        elif block.language == "console":
            for line, command, expected in commands_of(block):
                self.check(expected, self.run(command, line), line)
        elif block.language == "bash":
            subprocess.run(["bash", "-n", "-c", block.text], check=True)
        elif block.language == "toml":
            tomllib.loads(block.text)
        elif block.language == "json":
            json.loads(block.text)

    def run(self, command, line):
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        run = subprocess.run(
            ["bash", "-c", command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=250,
            env={**os.environ, "PATH": path, "COLUMNS": "100", "NO_COLOR": "1"},
        )
        assert run.returncode == 0, f"{self.page}:{line}: $ {command}\n{run.stdout}"
        return run.stdout

    def check(self, expected, printed, line):
        expected, printed = (
            "".join(f"{row.rstrip()}\n" for row in text.strip().splitlines()) for text in (expected, printed)
        )
        checker = doctest.OutputChecker()
        if not checker.check_output(expected, printed, FLAGS):
            example = doctest.Example("", expected)
            pytest.fail(f"{self.page}:{line}: {checker.output_difference(example, printed, FLAGS)}")


def commands_of(block):
    """Yield the line, the command and the expected output of each command of a console block."""
    line, command, expected = block.line, "", []
    for number, text in enumerate(block.text.splitlines(), block.line):
        if text.startswith("$ "):
            if command:
                yield line, command, "\n".join(expected)
            line, command, expected = number, text[2:], []
        else:
            assert command, f"line {number}: a console block begins with a command"
            expected.append(text)
    yield line, command, "\n".join(expected)


@PAGE
def test_a_page_does_what_it_says(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    reader = Reader(page, capsys)
    for block in blocks_of(page):
        reader.read(block)


def test_the_answers_of_the_tutorial_are_the_same_on_faiss(tmp_path, monkeypatch, capsys):
    text = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    page = tmp_path / "tutorial.md"
    text = text.replace('open_store("memory"', f'open_store("faiss", path={str(tmp_path / "first")!r}', 1)
    text = text.replace('open_store("memory"', f'open_store("faiss", path={str(tmp_path / "second")!r}')
    page.write_text(text.replace("the store 'memory' has", "the store 'faiss' has"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    reader = Reader(page, capsys)
    for block in blocks_of(page):
        reader.read(block)
    assert reader.namespace["store"].name == "faiss"


def cells_of(row):
    return [cell.strip().strip("`") for cell in row.strip().strip("|").split("|")]


def truth_table():
    """Return the metadata of the columns, and each condition with its row of truth values."""
    text = (DOCS / "filters.md").read_text(encoding="utf-8").partition("## The truth table")[2]
    lines = text.partition("The rules behind it")[0].splitlines()
    head, _, *rows = [line for line in lines if line.startswith("|")]
    values = [{} if cell == "missing" else {"x": json.loads(cell)} for cell in cells_of(head)[1:]]
    conditions = [
        (json.loads(cells[0]), [cell == "yes" for cell in cells[1:]]) for cells in map(cells_of, rows)
    ]
    return values, conditions


@pytest.mark.parametrize("backend", ["memory", "faiss"])
def test_the_truth_table_of_filters_is_true(backend, tmp_path):
    values, conditions = truth_table()
    documents = [
        VectorDocument(id=f"{place:02}", embedding=[1, place], metadata=metadata)
        for place, metadata in enumerate(values)
    ]
    assert len(conditions) > 20
    settings = {"path": str(tmp_path)} if backend == "faiss" else {}
    with open_store(backend, **settings) as store:
        store.create_collection("default", 2)
        store.add_documents(documents)
        for condition, truth in conditions:
            wanted = [document for document, holds in zip(documents, truth, strict=True) if holds]
            assert [evaluate(condition, document) for document in documents] == truth, condition
            found = [document.id for document in store.iter_documents(filter=condition)]
            assert found == [document.id for document in wanted], condition


@PAGE
def test_every_block_has_a_language_that_is_tested(page):
    known = {"python", "output", "console", "bash", "toml", "json", "text"}
    assert {block.language for block in blocks_of(page)} <= known


@PAGE
def test_a_block_that_is_not_executed_is_part_of_a_tested_file_or_is_counted(page):
    titled = [block for block in blocks_of(page) if block.language == "python" and block.title]
    excused = [block for block in titled if block.title.startswith("not executed:")]
    for block in titled:
        if block not in excused:
            places = [DOCS / block.title, ROOT / block.title]
            file = next((place for place in places if place.exists()), places[0])
            assert block.text.strip("\n") in file.read_text(encoding="utf-8"), (
                f"{page}:{block.line} differs from {block.title}"
            )
    assert len(excused) == NOT_EXECUTED.get(name_of(page), 0)


@PAGE
def test_the_links_of_a_page_lead_somewhere(page):
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    targets = [match["target"] for match in LINK.finditer(prose)]
    local = [target for target in targets if not target.startswith(("http://", "https://"))]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_a_page_that_is_wrong_is_found_out(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1 + 1)\n```\n\n```output\n3\n```\n")
    reader = Reader(page, capsys)
    calculation, claim = blocks_of(page)
    reader.read(calculation)
    with pytest.raises(pytest.fail.Exception, match=r"page\.md:6"):
        reader.read(claim)


# ── docstrings ──


def modules():
    """Return the names of all modules of core and of the project's own plugins."""
    names = []
    for package in (pygent_vec, pygent_vec_faiss, pygent_vec_embed_static):
        names.append(package.__name__)
        walked = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        names.extend(module.name for module in walked if not module.name.endswith("__main__"))
    return names


def test_the_examples_in_docstrings_are_true():
    tried = 0
    for name in modules():
        result = doctest.testmod(importlib.import_module(name))
        assert result.failed == 0, name
        tried += result.attempted
    assert tried >= 10, "the doctests were not found"

"""`pygent-vec new-plugin`."""

import ast
import inspect
import json
import re
import tomllib
from pathlib import Path

import pytest

from pygent_vec import CONTRACT_VERSION
from pygent_vec.contract import BlockingVectorStore, Primitives
from pygent_vec.filters import FilterCompiler

from .cli_support import run, run_json

ROOT = Path(__file__).parents[2]


def abstract_methods(kind):
    return {name for name in kind.__abstractmethods__ if name != "capabilities"}


def methods(path, of):
    """Return the functions of the class in a module whose name ends in *of*, by name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    (kind,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name.endswith(of)]
    return {node.name: node for node in kind.body if isinstance(node, ast.FunctionDef)}


@pytest.fixture
def package(tmp_path):
    assert run("new-plugin", "shelf", "--directory", tmp_path / "shelf").exit_code == 0
    return tmp_path / "shelf"


def test_the_package_is_whole_and_its_names_agree(tmp_path):
    told = run_json("new-plugin", "My_Shelf", "--directory", tmp_path)
    assert told["name"] == "my-shelf"
    assert told["distribution"] == "pygent-vec-my-shelf"
    assert told["module"] == "pygent_vec_my_shelf"
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert set(told["files"]) == written
    assert {".gitignore", ".github/workflows/test.yml", "LICENSE", "README.md"} <= written
    project = tomllib.loads((tmp_path / "pyproject.toml").read_text())["project"]
    assert project["name"] == told["distribution"]
    assert project["entry-points"]["pygent_vec.backends"] == {"my-shelf": "pygent_vec_my_shelf.plugin"}
    texts = [path.read_text(encoding="utf-8") for path in tmp_path.rglob("*") if path.is_file()]
    assert not re.findall(r"@[A-Z_]+@", "".join(texts))
    assert "class MyShelfStore(" in (tmp_path / "src/pygent_vec_my_shelf/store.py").read_text()


def test_without_a_directory_the_package_is_called_as_its_distribution(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("new-plugin", "pygent-vec-shelf")
    assert result.exit_code == 0
    assert (tmp_path / "pygent-vec-shelf" / "pyproject.toml").exists()
    assert "python -m pip install -e './pygent-vec-shelf[test]'" in result.stdout


def test_every_primitive_is_there_to_be_written_with_the_signature_of_the_contract(package):
    written = methods(package / "src/pygent_vec_shelf/store.py", "Store")
    wanted = abstract_methods(BlockingVectorStore)
    assert wanted <= set(written)
    for name in wanted:
        contract = inspect.signature(getattr(Primitives, name)).parameters
        arguments = written[name].args
        assert [one.arg for one in (*arguments.args, *arguments.kwonlyargs)] == list(contract), name
        assert ast.get_docstring(written[name]), name
        assert f"_unwritten('{name}'" in ast.unparse(written[name].body[-1]), name


def test_every_method_of_a_filter_compiler_is_there(package):
    assert abstract_methods(FilterCompiler) <= set(
        methods(package / "src/pygent_vec_shelf/filters.py", "Compiler")
    )


@pytest.mark.skipif(not (ROOT / "docs").exists(), reason="core alone: there is no guide beside it")
def test_what_is_unwritten_points_to_a_section_of_the_guide(package):
    guide = (ROOT / "docs" / "authoring.md").read_text(encoding="utf-8")
    headings = set(re.findall(r"^#+ (.+)$", guide, re.MULTILINE))
    store = (package / "src/pygent_vec_shelf/store.py").read_text()
    sections = set(re.findall(r'_unwritten\("\w+", "([^"]+)"\)', store)) | {"Filters"}
    assert len(sections) > 5
    assert sections <= headings


def test_the_plugin_is_written_for_the_contract_of_this_core(package):
    plugin = (package / "src/pygent_vec_shelf/plugin.py").read_text()
    assert f"contract_version={CONTRACT_VERSION}," in plugin


@pytest.mark.parametrize("name", ["", "9lives", "a b", "a.b", "../x", "über", "a-", "-a", "x" * 41])
def test_a_name_that_is_none_is_refused(name, tmp_path):
    result = run("new-plugin", "--directory", tmp_path / "new", "--", name)
    assert result.exit_code == 1
    assert "no name for a backend" in result.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "name", ["memory", "faiss", "FAISS", "postgres", "postgresql", "chroma", "chromadb", "conformance"]
)
def test_a_name_that_is_taken_is_refused(name, tmp_path):
    result = run("new-plugin", name, "--directory", tmp_path / "new")
    assert result.exit_code == 1
    assert "is taken" in result.stderr
    assert not (tmp_path / "new").exists()


def test_a_directory_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "kept.txt").write_text("kept")
    result = run("new-plugin", "shelf", "--directory", tmp_path)
    assert result.exit_code == 1
    assert "not an empty directory" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]
    assert run("new-plugin", "shelf", "--directory", tmp_path / "kept.txt").exit_code == 1
    assert (tmp_path / "kept.txt").read_text() == "kept"


def test_the_names_are_told_as_json_and_nothing_else(tmp_path):
    result = run("new-plugin", "shelf", "--directory", tmp_path / "a b", "--json")
    told = json.loads(result.stdout)
    assert told["next"][0] == f"python -m pip install -e '{tmp_path / 'a b'}[test]'"


def test_the_help_has_examples_and_fits_80_columns():
    shown = run("new-plugin", "--help").stdout
    assert "    pygent-vec new-plugin shelf" in shown.partition("Examples:")[2]
    assert max(map(len, shown.splitlines())) <= 80

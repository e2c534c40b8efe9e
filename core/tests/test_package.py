"""The package's face: its names, and what importing it costs."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

import pygent_vec

ROOT = Path(pygent_vec.__file__).parent
ROOMS = [
    "pygent_vec",
    *(
        f"pygent_vec.{room}"
        for room in (
            "errors",
            "model",
            "filters",
            "contract",
            "stores",
            "plugin",
            "config",
            "manager",
            "sync",
            "legacy",
            "telemetry",
        )
    ),
]


def order(name):
    """Return what sorts constants before classes before the rest."""
    return (not (name.isupper() and len(name) > 1), not name[0].isupper(), name)


@pytest.mark.parametrize("room", ROOMS)
def test_the_public_names_are_sorted_unique_and_there(room):
    module = importlib.import_module(room)
    names = module.__all__
    assert list(names) == sorted(names, key=order)
    assert len(set(names)) == len(names)
    assert [name for name in names if not hasattr(module, name)] == []


def test_every_public_name_of_the_package_is_in_all():
    face = ast.walk(ast.parse((ROOT / "__init__.py").read_text()))  # some under TYPE_CHECKING
    imported = {
        alias.asname or alias.name
        for node in face
        if isinstance(node, ast.ImportFrom) and node.module != "typing"
        for alias in node.names
    }
    assert imported == set(pygent_vec.__all__)


def test_every_error_is_a_public_name():
    from pygent_vec import errors

    classes = {name for name in errors.__all__ if isinstance(getattr(errors, name), type)}
    assert classes <= set(pygent_vec.__all__)


def test_every_public_class_and_function_is_documented():
    undocumented = [
        name
        for name in pygent_vec.__all__
        if (inspect.isclass(getattr(pygent_vec, name)) or inspect.isfunction(getattr(pygent_vec, name)))
        and not inspect.getdoc(getattr(pygent_vec, name))
    ]
    assert undocumented == []


def test_nothing_serialises_by_pickle():
    makes_or_trusts = re.compile(r"import pickle|pickle\.(load|dump)|allow_pickle=True")
    assert [path.name for path in ROOT.rglob("*.py") if makes_or_trusts.search(path.read_text())] == []

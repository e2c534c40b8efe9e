"""The errors as values: their tree, and how they are shown."""

import copy
import pickle

import pytest

from pygent_vec import errors
from pygent_vec.errors import BackendTimeoutError, DocumentExistsError, WriteError, hint, shown

CLASSES = [
    getattr(errors, name)
    for name in errors.__all__
    if isinstance(getattr(errors, name), type)
]  # fmt: skip
STANDARD = {
    "ConfigError": ValueError,
    "BackendNotFoundError": LookupError,
    "PluginLoadError": ImportError,
    "ContractMismatchError": errors.PluginLoadError,
    "InvalidDocumentError": ValueError,
    "InvalidVectorError": ValueError,
    "InvalidFilterError": ValueError,
    "InvalidQueryError": ValueError,
    "CollectionNotFoundError": LookupError,
    "UnsupportedFeatureError": NotImplementedError,
    "BackendUnavailableError": errors.BackendError,
    "BackendTimeoutError": errors.BackendError,
}


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_stands_in_the_tree_that_the_module_draws(kind):
    assert issubclass(kind, errors.PygentVecError)
    assert kind.__name__ in errors.__doc__


@pytest.mark.parametrize(("name", "base"), STANDARD.items())
def test_errors_can_be_caught_as_python_s_own(name, base):
    assert issubclass(getattr(errors, name), base)


@pytest.mark.parametrize("through", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
@pytest.mark.parametrize(
    ("error", "attributes"),
    [
        (DocumentExistsError(["a", "b"], "notes"), {"ids": ["a", "b"], "collection": "notes"}),
        (WriteError("half", written=["a"]), {"written": ["a"]}),
        (BackendTimeoutError("late"), {"transient": True}),
        (errors.BackendError("broken", transient=True), {"transient": True}),
    ],
)
def test_an_error_crosses_processes_with_what_it_knows(through, error, attributes):
    back = through(error)
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert {name: getattr(back, name) for name in attributes} == attributes


def test_only_unreachable_and_slow_backends_are_worth_another_try_by_default():
    assert not errors.BackendError("x").transient
    assert errors.BackendUnavailableError("x").transient
    assert errors.BackendTimeoutError("x").transient


def test_existing_ids_are_named_but_do_not_flood_the_message():
    error = DocumentExistsError([f"id{number}" for number in range(1000)], "notes")
    assert "'id0'" in str(error)
    assert "995 more" in str(error)
    assert len(str(error)) < 400
    assert len(error.ids) == 1000


@pytest.mark.parametrize(
    "value", ["x" * 10**6, ["x" * 10**6] * 10**3, {"k": "x" * 10**6}, {"x" * 100} | {"y"}]
)
def test_no_value_floods_a_message(value):
    assert len(shown(value)) < 600


def test_a_bottomless_value_is_shown_and_does_not_exhaust_the_stack():
    value = []
    value.append(value)
    assert len(shown(value)) < 600
    deep = 1
    for _ in range(100_000):
        deep = [deep]
    assert len(shown(deep)) < 600


def test_what_is_shown_can_be_printed():
    shown("\ud800").encode()


def test_a_hint_gives_the_nearest_name_and_all_that_are_known():
    assert hint("Fais", ["memory", "faiss"]) == "; did you mean 'faiss'? Known: faiss, memory"
    assert hint("zzz", ["memory"]) == "; Known: memory"
    assert hint("zzz", []) == ""

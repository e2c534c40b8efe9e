"""Automatic mutants: every small change of the memory store and of the filter evaluator."""

from __future__ import annotations

import tomllib
from functools import partial
from inspect import getsource
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pygent_vec import VectorDocument
from pygent_vec.filters import to_dict
from pygent_vec.model import normalized_object
from pygent_vec.stores import MemoryConfig

from .copies import EVALUATOR, MEMORY, copied, store_of
from .mutant import Mutant
from .syntax import Change, changes

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Mapping
    from types import ModuleType

    from pygent_vec import VectorStore
    from pygent_vec.contract import Embedder
    from pygent_vec.filters import Filter
    from pygent_vec.stores import MemoryStore

__all__ = ["automatic", "equivalents", "right_stores"]

_WHOLE_DOCUMENT = ("evaluate", "own_values")
"""Functions of the evaluator that take a document; a store that filters by them is needed to see them."""


def automatic() -> list[Mutant]:
    """Return a mutant for each change, proved equivalents included."""
    stores = [
        _mutant(f"memory.{change.name}", partial(_stored, change)) for change in changes(getsource(MEMORY))
    ]
    filters = [
        _mutant(f"evaluator.{change.name}", partial(_filtered, change))
        for change in changes(getsource(EVALUATOR))
    ]
    return stores + filters


def _stored(change: Change) -> type[MemoryStore]:
    return store_of(copied(MEMORY, change.tree()))


def _filtered(change: Change) -> type[MemoryStore]:
    return _filtering(change.name, change.tree())


def equivalents() -> dict[str, str]:
    """Return the mutants that are proved to be no mutants, each with its reason."""
    text = (Path(__file__).parent / "equivalents.toml").read_text(encoding="utf-8")
    return {name: entry["reason"] for entry in tomllib.loads(text)["equivalent"] for name in entry["mutants"]}


def right_stores() -> list[Mutant]:
    """Return the unchanged copies that automatic mutants derive from; the suite must pass on them."""
    return [
        _mutant("a copy of the memory store", lambda: store_of(copied(MEMORY))),
        _mutant("a copy of the evaluator", lambda: _filtering("matches", None)),
        _mutant("a store that filters whole documents", lambda: _filtering("evaluate", None)),
    ]


def _filtering(name: str, tree: ast.Module | None) -> type[MemoryStore]:
    """Return a store whose filters are a copy of the evaluator's."""
    evaluator = copied(EVALUATOR, tree)
    if name.partition(":")[0] in _WHOLE_DOCUMENT:
        return store_of(copied(MEMORY), _by_document(evaluator))
    return store_of(copied(MEMORY), vars(evaluator)["matches"])


def _by_document(evaluator: ModuleType) -> Callable[..., bool]:
    """Return a test of stored columns that makes a document of them, and evaluates the filter on it."""

    def matches(node: Filter, metadata: Mapping[str, object], own: Mapping[str, object]) -> bool:
        times: dict[str, Any] = {name: own[name] for name in ("created_at", "updated_at")}
        fields: dict[str, Any] = {name: value for name, value in own.items() if name not in times}
        document = VectorDocument(metadata=normalized_object(metadata), **fields, **_instants(times))
        return bool(vars(evaluator)["evaluate"](to_dict(node), document))

    return matches


def _instants(times: Mapping[str, object]) -> dict[str, Any]:
    from datetime import datetime

    return {name: datetime.fromisoformat(str(text)) for name, text in times.items()}


def _mutant(name: str, made: Callable[[], type[MemoryStore]]) -> Mutant:
    def make(_: Mapping[str, object], embedder: Embedder | None) -> VectorStore:
        return made()(MemoryConfig(), embedder=embedder)

    return Mutant(name=name, story="a small change of the source", breaks=(), make=make)

"""Copies of core's modules, made in memory from source that may have been changed."""

from __future__ import annotations

import sys
from inspect import getsource
from types import ModuleType
from typing import TYPE_CHECKING

from pygent_vec.filters import _evaluator
from pygent_vec.stores import _memory

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable

    from pygent_vec.stores import MemoryStore

__all__ = ["EVALUATOR", "MEMORY", "copied", "store_of"]

MEMORY, EVALUATOR = _memory, _evaluator


def copied(module: ModuleType, source: str | ast.Module | None = None) -> ModuleType:
    """Return a module of its own made of *source*; None means the source of *module*."""
    name = f"{module.__name__}_copy"
    made = ModuleType(name)
    code = compile(getsource(module) if source is None else source, f"<a copy of {module.__name__}>", "exec")
    # attrs looks a class's module up by its name while it makes the class.
    before = sys.modules.get(name)
    sys.modules[name] = made
    try:
        exec(code, vars(made))  # our own source
    finally:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
    return made


def store_of(memory: ModuleType, matches: Callable[..., bool] | None = None) -> type[MemoryStore]:
    """Return the store class of a copy of the memory module, with *matches* as the meaning of its filters."""
    if matches is not None:
        vars(memory)["matches"] = matches
    store: type[MemoryStore] = vars(memory)["MemoryStore"]
    return store

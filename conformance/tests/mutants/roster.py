"""Every mutant that was made by hand."""

from __future__ import annotations

from importlib import import_module

from .mutant import Mutant, mutants_of

__all__ = ["by_hand"]

_MODULES = (
    "values",
    "times",
    "writes",
    "deletes",
    "calls",
    "collections",
    "isolation",
    "reads",
    "answers",
    "searches",
    "scores",
    "comparisons",
    "containment",
    "logic",
    "life",
    "promises",
    "declarations",
    "durability",
    "reopening",
    "shared",
    "indexing",
    "memory_use",
    "vanishing",
)


def by_hand() -> list[Mutant]:
    """Return the mutants of every module, each by a name of its own."""
    found = [mutant for name in _MODULES for mutant in mutants_of(import_module(f".{name}", __package__))]
    names = [mutant.name for mutant in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two mutants have one name: {twice}")
    return found

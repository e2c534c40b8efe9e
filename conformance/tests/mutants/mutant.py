"""A mutant: a store that is broken in one way, and the sentences of the contract that must notice."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

import attrs

from pygent_vec.stores import MemoryConfig, MemoryStore
from pygent_vec_conformance.outcome import Kind
from pygent_vec_conformance.target import StoreTarget

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    from pygent_vec import VectorStore
    from pygent_vec.contract import Embedder

__all__ = ["Broken", "Mutant", "mutants_of"]


@attrs.frozen(kw_only=True, eq=False)
class Mutant:
    """A broken store and what must kill it.

    Attributes:
        name: What is broken, in a few words.
        story: Which real stores are broken like this, or why a store may be.
        breaks: The requirements that it breaks; a check of one of them must fail.
        make: Makes the store from its settings.
        durable: Whether it keeps a file under the setting `path`.
        dies_by: How that check may fail. An error of the store itself is an accident and not among them.
    """

    name: str
    story: str
    breaks: tuple[str, ...]
    make: Callable[[Mapping[str, object], Embedder | None], VectorStore]
    durable: bool = False
    dies_by: frozenset[Kind] = frozenset({Kind.VIOLATION})

    def target(self) -> StoreTarget:
        """Return what the suite is given."""
        return StoreTarget(
            backend="memory",
            factory=self.make,
            path_setting="path" if self.durable else "",
            label=self.name,
            child=f"{__package__}.children:{self.name}" if self.durable else None,
        )


class Broken(MemoryStore):
    """The base of mutants that break a primitive, or, by a method `public_…`, the final method of that name.

    Core refuses a class that overrides a final method, so those are put in their place afterwards.
    """

    breaks: ClassVar[tuple[str, ...]] = ()
    dies_by: ClassVar[frozenset[Kind]] = frozenset({Kind.VIOLATION})

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name, member in list(vars(cls).items()):
            if name.startswith("public_"):
                setattr(cls, name.removeprefix("public_"), member)

    @classmethod
    def mutant(cls) -> Mutant:
        """Return this store as a mutant; its docstring is the story."""

        def make(_: Mapping[str, object], embedder: Embedder | None) -> VectorStore:
            return cls(MemoryConfig(), embedder=embedder)

        return Mutant(
            name=words(cls.__name__),
            story=cls.__doc__ or "",
            breaks=cls.breaks,
            make=make,
            dies_by=cls.dies_by,
        )


def words(name: str) -> str:
    """Return the words of a class name, joined by hyphens."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def mutants_of(module: ModuleType) -> list[Mutant]:
    """Return the mutants that stand in *module*, in their order."""
    found: list[Mutant] = []
    for value in vars(module).values():
        here = isinstance(value, type) and value.__module__ == module.__name__
        if here and vars(value).get("breaks"):
            found.append(value.mutant())
    return found

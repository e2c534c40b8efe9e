"""The base of every backend's filter compiler: one walk over the tree, one method a meaning."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic, TypeVar

from pygent_vec.filters._nodes import And, Comparison, Filter, Not, Or

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FilterCompiler"]

T = TypeVar("T")


class FilterCompiler(ABC, Generic[T]):
    """Turns a filter tree into what a backend understands.

    Logic is two-valued: `negation` of a comparison holds where the field is missing.
    """

    def compile(self, node: Filter) -> T:
        """Return the backend's form of *node*."""
        match node:
            case And(children):
                return self.conjunction([self.compile(child) for child in children])
            case Or(children):
                return self.disjunction([self.compile(child) for child in children])
            case Not(child):
                return self.negation(self.compile(child))
            case Comparison():
                return self.comparison(node)

    @abstractmethod
    def conjunction(self, parts: Sequence[T]) -> T:
        """Return "all of *parts*"; true for none."""

    @abstractmethod
    def disjunction(self, parts: Sequence[T]) -> T:
        """Return "some of *parts*"; false for none."""

    @abstractmethod
    def negation(self, part: T) -> T:
        """Return "not *part*"."""

    @abstractmethod
    def comparison(self, node: Comparison) -> T:
        """Return the form of one comparison; match on `node.operator`."""

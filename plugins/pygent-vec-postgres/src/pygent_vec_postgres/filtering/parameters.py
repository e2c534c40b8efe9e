"""The parameters of a statement, numbered as they are first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec.errors import InvalidFilterError

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["Parameters"]

_MOST = 32_000
"""The protocol counts parameters with 16 bits; some are left for what is not of the filter."""


class Parameters:
    """Values in the order of `$1`, `$2`, …; equal ones share a number.

    Attributes:
        values: What goes to the driver with the statement.
    """

    def __init__(self, *first: object) -> None:
        self.values: list[object] = list(first)
        self._numbers: dict[tuple[str, Hashable], str] = {}

    def text(self, value: str) -> str:
        """Return the SQL of a text."""
        return self._shared(value, "text")

    def bigint(self, value: int) -> str:
        """Return the SQL of a 64-bit integer."""
        return self._shared(value, "bigint")

    def json(self, value: bytes) -> str:
        """Return the SQL of JSON text."""
        return self._shared(value, "jsonb")

    def array(self, values: list[str] | list[bytes] | list[int], kind: str) -> str:
        """Return the SQL of an array of *kind*."""
        return self._new(values, f"{kind}[]")

    def _shared(self, value: Hashable, kind: str) -> str:
        found = self._numbers.get((kind, value))
        if found is None:
            found = self._numbers[kind, value] = self._new(value, kind)
        return found

    def _new(self, value: object, kind: str) -> str:
        if len(self.values) >= _MOST:
            raise InvalidFilterError(
                f"the filter has more than {_MOST} different operands; compare with a list by $in instead"
            )
        self.values.append(value)
        return f"${len(self.values)}::{kind}"

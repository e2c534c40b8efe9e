"""The steps of a check: every call on the store under test, as Python that can be pasted."""

from __future__ import annotations

import functools
import inspect
from enum import Enum
from typing import TYPE_CHECKING, Any, Self, cast

import attrs
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pygent_vec import VectorStore

__all__ = ["Trace", "source", "traced"]

_ITEMS = 6
_TEXT = 120
_LINE = 600


class Trace:
    """The last calls, oldest first."""

    def __init__(self, limit: int = 60) -> None:
        self._limit = limit
        self._lines: list[str] = []

    def add(self, line: str) -> None:
        """Add one step."""
        self._lines.append(line if len(line) <= _LINE else f"{line[: _LINE - 1]}…")
        del self._lines[: -self._limit]

    def clear(self) -> None:
        """Begin anew."""
        self._lines.clear()

    def show(self, lines: Sequence[str]) -> None:
        """Take *lines* for the steps."""
        self._lines[:] = lines

    @property
    def lines(self) -> tuple[str, ...]:
        """The steps."""
        return tuple(self._lines)


class _Traced:
    """A store that writes each call down before it makes it."""

    def __init__(self, store: VectorStore, trace: Trace) -> None:
        self._store = store
        self._trace = trace

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._store, name)
        if not inspect.ismethod(member) or name.startswith("_"):
            return member
        return self._recording(name, member)

    async def __aenter__(self) -> Self:
        await self._store.initialize()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._store.close()

    def _recording(self, name: str, member: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(member)
        def call(*args: Any, **kwargs: Any) -> Any:  # a proxy takes what its subject takes
            shown = [*map(source, args), *(f"{key}={source(value)}" for key, value in kwargs.items())]
            keyword = "await " if inspect.iscoroutinefunction(member) else ""
            self._trace.add(f"{keyword}store.{name}({', '.join(shown)})")
            return member(*args, **kwargs)

        return call


def traced(store: VectorStore, trace: Trace) -> VectorStore:
    """Return *store*, with its calls written to *trace*."""
    return cast("VectorStore", _Traced(store, trace))


def source(value: object) -> str:
    """Return Python text for an argument, short where it is long."""
    if isinstance(value, np.ndarray):
        return _cut(repr(value.tolist()))
    if isinstance(value, Enum):
        return str(value) if not isinstance(value, str) else repr(str(value))
    if attrs.has(kind := cast("Any", type(value))):
        fields = [
            f"{field.alias}={source(getattr(value, field.name))}"
            for field in attrs.fields(kind)
            if not _is_default(value, field)
        ]
        return f"{type(value).__name__}({', '.join(fields)})"
    if isinstance(value, (list, tuple)):
        items = [source(item) for item in value[:_ITEMS]]
        more = [f"…{len(value) - _ITEMS} more"] if len(value) > _ITEMS else []
        return f"[{', '.join([*items, *more])}]"
    return _cut(repr(value))


def _is_default(value: object, field: attrs.Attribute[object]) -> bool:
    held = getattr(value, field.name)
    if isinstance(held, np.ndarray):
        return False
    default = field.default
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # typed as a function
        return held in ({}, [])
    return held is default or (isinstance(held, (int, str, float)) and held == default)


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT else f"{text[: _TEXT - 1]}…"

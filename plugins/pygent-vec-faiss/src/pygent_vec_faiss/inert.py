"""Pickles of LangChain, read without running anything that is in them.

A pickle names classes and calls them. Here each name that LangChain writes stands for an inert class that
holds what it is given; every other name is refused before it is looked up: nothing is imported or called.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from typing import IO, TYPE_CHECKING, Any

from pygent_vec.errors import ConfigError, CorruptStoreError, shown

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Docstore", "Document", "load_inert"]


class Inert:
    """An object of a pickle: what it was given as its state, and nothing else."""

    def __init__(self) -> None:
        self.state: Mapping[str, Any] = {}

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, Mapping):
            raise pickle.UnpicklingError(f"a state that is no mapping: {shown(state)}")
        # pydantic keeps a model's fields below `__dict__`, and beside it what it knows of them
        inner = state.get("__dict__", state)
        self.state = inner if isinstance(inner, Mapping) else {}


class Document(Inert):
    """A LangChain document; its fields are `page_content`, `metadata` and, in newer versions, `id`."""


class Docstore(Inert):
    """A LangChain docstore in memory; `_dict` holds documents by id."""


_STAND_INS: dict[tuple[str, str], type] = {
    ("langchain.docstore.in_memory", "InMemoryDocstore"): Docstore,
    ("langchain_community.docstore.in_memory", "InMemoryDocstore"): Docstore,
    ("langchain.docstore.document", "Document"): Document,
    ("langchain.schema", "Document"): Document,
    ("langchain.schema.document", "Document"): Document,
    ("langchain_core.documents.base", "Document"): Document,
    ("langchain_core.documents", "Document"): Document,
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
    ("__builtin__", "set"): set,  # as protocols before the third spell it
    ("__builtin__", "frozenset"): frozenset,
    ("datetime", "datetime"): datetime,
    ("datetime", "date"): date,
    ("datetime", "timedelta"): timedelta,
    ("datetime", "timezone"): timezone,
}
"""Every name that may be in a pickle. None of them does anything but hold values."""


class _Reader(pickle.Unpickler):
    def __init__(self, file: IO[bytes], name: str) -> None:
        super().__init__(file)
        self._name = name

    def find_class(self, module: str, name: str) -> type:
        found = _STAND_INS.get((module, name))
        if found is None:
            raise ConfigError(
                f"{self._name!r} names {module}.{name}, which no folder of LangChain needs; nothing of it "
                "was run or imported. If you trust the file, load it with LangChain and remove such values"
            )
        return found


def load_inert(path: Path) -> object:
    """Return what a pickle holds, with inert stand-ins for its objects.

    Raises:
        ConfigError: it names a class or function beyond those that LangChain writes; names it.
        CorruptStoreError: it is cut or damaged.
    """
    try:
        with path.open("rb") as file:
            return _Reader(file, str(path)).load()
    except (
        pickle.UnpicklingError,
        EOFError,
        AttributeError,
        IndexError,
        KeyError,
        TypeError,
        OverflowError,
        MemoryError,
        OSError,
    ) as error:
        raise _damaged(path, error) from error
    except ConfigError:
        raise
    except ValueError as error:  # which a ConfigError is, too
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> CorruptStoreError:
    return CorruptStoreError(
        f"{str(path)!r} is no whole pickle ({type(error).__name__}: {error}); save the folder again"
    )

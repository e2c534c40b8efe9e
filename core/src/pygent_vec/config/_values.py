"""How a setting's value becomes the declared type: text is read, nothing is lost on the way."""

from __future__ import annotations

import math
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pygent_vec.model import IndexSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    import cattrs

__all__ = ["converter"]

EnumT = TypeVar("EnumT", bound=Enum)
_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def converter() -> cattrs.Converter:
    """Return a converter whose plain types refuse what they would have to guess."""
    import cattrs

    made = cattrs.Converter(detailed_validation=False)
    readers: dict[type, Callable[[object], object]] = {
        bool: _boolean,
        int: _integer,
        float: _number,
        str: _text,
        Path: _path,
    }
    for plain, read in readers.items():
        made.register_structure_hook(plain, partial(_read, read))
    made.register_structure_hook_func(lambda kind: kind is IndexSpec, _index)
    made.register_structure_hook(Enum, _member)
    return made


def _read(read: Callable[[object], object], value: object, kind: type) -> object:
    """Return *value* as a plain type; a member, where *kind* is an enumeration of that type."""
    return _member(value, kind) if issubclass(kind, Enum) else read(value)


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _WORDS:
        return _WORDS[value.lower()]
    raise ValueError("use true or false")


def _integer(value: object) -> int:
    if isinstance(value, (int, str)) and not isinstance(value, bool):
        return int(value)
    raise ValueError("use an integer")


def _number(value: object) -> float:
    if isinstance(value, (int, float, str)) and not isinstance(value, bool) and math.isfinite(float(value)):
        return float(value)
    raise ValueError("use a finite number")


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise ValueError("use a string")


def _path(value: object) -> Path:
    if isinstance(value, (str, Path)) and str(value) and "\0" not in str(value):
        return Path(value)
    raise ValueError("use the path of a file or directory")


def _member(value: object, kind: type[EnumT]) -> EnumT:
    try:
        return kind(value)
    except ValueError:
        raise ValueError(f"use one of {[member.value for member in kind]}") from None


def _index(value: object, _: type) -> IndexSpec:
    """Return an index from its kind, or from a table of its kind and options."""
    if isinstance(value, IndexSpec):
        return value
    if isinstance(value, str):
        return IndexSpec(value)
    if isinstance(value, dict) and isinstance(value.get("kind"), str):
        options = {key: one for key, one in value.items() if key != "kind"}
        if all(isinstance(one, (bool, int, float, str)) for one in options.values()):
            return IndexSpec(value["kind"], options=options)
    raise ValueError("use the name of an index kind, or a table such as {kind = 'hnsw', m = 32}")

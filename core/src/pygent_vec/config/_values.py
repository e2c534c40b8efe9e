"""How a setting's value becomes the declared type: text is read, nothing is lost on the way."""

from __future__ import annotations

import math
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import cattrs

__all__ = ["converter"]

EnumT = TypeVar("EnumT", bound=Enum)
_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def converter() -> cattrs.Converter:
    """Return a converter whose plain types refuse what they would have to guess."""
    import cattrs

    made = cattrs.Converter(detailed_validation=False)
    made.register_structure_hook_func(lambda kind: kind is bool, lambda value, _: _boolean(value))
    made.register_structure_hook_func(lambda kind: kind is int, lambda value, _: _integer(value))
    made.register_structure_hook_func(lambda kind: kind is float, lambda value, _: _number(value))
    made.register_structure_hook_func(lambda kind: kind is str, lambda value, _: _text(value))
    made.register_structure_hook_func(lambda kind: kind is Path, lambda value, _: _path(value))
    made.register_structure_hook_func(lambda kind: isinstance(kind, type) and issubclass(kind, Enum), _member)
    return made


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

"""JSON values: what a document's metadata and a filter's operands may hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from pygent_vec.errors import shown
from pygent_vec.model._time import rfc3339

if TYPE_CHECKING:
    from pygent_vec.model._types import JsonObject, JsonValue

__all__ = [
    "INT_MAX",
    "INT_MIN",
    "MAX_DEPTH",
    "InvalidValueError",
    "check_text",
    "normalized",
    "normalized_object",
]

MAX_DEPTH = 32
_SHOWN_KEY = 64
INT_MIN, INT_MAX = -(2**63), 2**63 - 1


class InvalidValueError(ValueError):
    """A value that no store may hold. Its caller names the document or the filter.

    Attributes:
        path: Where the value stands, such as `author.tags[2]`; empty for the value itself.
        reason: What is wrong with it.
    """

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.reason = reason
        self.path = path


def check_text(text: str) -> str:
    """Return *text*.

    Raises:
        InvalidValueError: it holds NUL or a lone surrogate, which not every backend can store.
    """
    if "\0" in text:
        raise InvalidValueError(f"holds a NUL character at position {text.index(chr(0))}; remove it")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidValueError(
                f"holds the lone surrogate U+{ord(text[error.start]):04X} at position {error.start}; "
                "it is not a Unicode text"
            ) from error
    return text


def normalized(value: object, *, depth: int = 0) -> JsonValue:
    """Return a private copy of *value* as plain JSON types.

    datetimes become RFC 3339 UTC text, NumPy scalars become Python scalars.

    Raises:
        InvalidValueError: not null, bool, a 64-bit int, a finite float, text, a list or an object;
            or nested deeper than 32 levels.
    """
    kind = type(value)
    if kind is str:
        return check_text(value)  # type: ignore[arg-type]  # narrowed by its exact type
    if value is None or kind is bool:
        return value  # type: ignore[return-value]
    if kind is int:
        if not INT_MIN <= value <= INT_MAX:  # type: ignore[operator]
            raise InvalidValueError(f"the integer {shown(value)} is outside of 64 bits")
        return value  # type: ignore[return-value]
    if kind is float:
        if not math.isfinite(value):  # type: ignore[arg-type]
            raise InvalidValueError(f"{value} is not a finite number; use None for an absent one")
        return value  # type: ignore[return-value]
    if kind is list:
        return _list(value, depth)  # type: ignore[arg-type]
    if isinstance(value, Mapping):
        return normalized_object(value, depth=depth)
    return _converted(value, depth)


def normalized_object(value: Mapping[str, object], *, depth: int = 0) -> JsonObject:
    """Return a private copy of the JSON object *value*; see `normalized`."""
    if depth >= MAX_DEPTH:
        raise InvalidValueError(f"nested deeper than {MAX_DEPTH} levels")
    result: JsonObject = {}
    for key, item in value.items():
        if not isinstance(key, str) or not key:
            raise InvalidValueError(f"the key {shown(key)} is not a non-empty string")
        try:
            kept = _checked_key(str.__str__(key))
            result[kept] = check_text(item) if type(item) is str else normalized(item, depth=depth + 1)
        except InvalidValueError as error:
            raise InvalidValueError(error.reason, _joined(key, error.path)) from None
    return result


@lru_cache(maxsize=1024)  # the documents of a collection share their keys
def _checked_key(key: str) -> str:
    return check_text(key)


def _list(value: list[object], depth: int) -> list[JsonValue]:
    if depth >= MAX_DEPTH:
        raise InvalidValueError(f"nested deeper than {MAX_DEPTH} levels")
    result: list[JsonValue] = []
    for place, item in enumerate(value):
        try:
            result.append(check_text(item) if type(item) is str else normalized(item, depth=depth + 1))
        except InvalidValueError as error:
            raise InvalidValueError(error.reason, _joined(f"[{place}]", error.path)) from None
    return result


def _joined(head: str, tail: str) -> str:
    shown_head = head if head.isprintable() and len(head) <= _SHOWN_KEY else shown(head)
    return f"{shown_head}{'' if not tail or tail[0] == '[' else '.'}{tail}"


def _converted(value: object, depth: int) -> JsonValue:
    """Return the JSON form of a value that is not a plain JSON type itself."""
    if isinstance(value, datetime):
        try:
            return rfc3339(value)
        except (ValueError, OverflowError) as error:
            raise InvalidValueError(str(error)) from error
    if isinstance(value, np.generic) and not isinstance(value, (np.datetime64, np.timedelta64)):
        item = value.item()
        if type(item) in (bool, int, float, str):
            return normalized(item, depth=depth)
    elif isinstance(value, str):  # a subclass, such as a member of a StrEnum
        return check_text(str.__str__(value))
    elif isinstance(value, (int, float)):
        return normalized(int(value) if isinstance(value, int) else float(value), depth=depth)
    raise InvalidValueError(
        f"{shown(value)} is of type {type(value).__name__}; "
        "give null, bool, int, float, str, list, dict or datetime"
    )

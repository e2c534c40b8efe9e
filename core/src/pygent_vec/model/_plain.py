"""What needs no care: JSON values that are plain already, and texts, checked many at once.

Most documents have nothing to convert and nothing to refuse. Here that is found out for a whole batch in a
few passes of C; where it is not so, the rules of `_json` look at each value, and say what is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pygent_vec.model._json import INT_MAX, INT_MIN, MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pygent_vec.model._types import JsonObject, JsonValue

__all__ = ["are_texts", "plain_copy"]


def are_texts(values: Iterable[object]) -> bool:
    """Return whether all values are exactly of type str, without NUL and without lone surrogates."""
    texts = list(values)
    try:
        joined = "".join(texts)  # type: ignore[arg-type]  # that is the question
    except TypeError:
        return False
    if "\0" in joined or not set(map(type, texts)) <= {str}:
        return False
    if not joined.isascii():
        try:
            joined.encode()
        except UnicodeEncodeError:
            return False
    return True


def plain_copy(value: object, texts: list[str], *, depth: int = 0) -> JsonObject | None:
    """Return what `normalized_object` would for an object of plain JSON values; None for any other.

    Its keys and texts are added to *texts*: it holds only if `are_texts(texts)`.
    """
    if type(value) is not dict or depth >= MAX_DEPTH or "" in value:
        return None
    result: JsonObject = value.copy()
    texts.extend(result)
    return result if _is_plain(result, result.items(), texts, depth + 1) else None


def _plain_list(value: list[JsonValue], texts: list[str], depth: int) -> list[JsonValue] | None:
    if depth >= MAX_DEPTH:
        return None
    result = value.copy()
    return result if _is_plain(result, enumerate(result), texts, depth + 1) else None


def _is_plain(
    holder: dict[Any, JsonValue] | list[JsonValue],
    items: Iterable[tuple[Any, JsonValue]],
    texts: list[str],
    depth: int,
) -> bool:
    """Return whether the items of *holder*, a private copy, are plain; lists and objects in it are copied."""
    for place, item in items:
        kind = type(item)
        if kind is str:
            texts.append(item)  # type: ignore[arg-type]  # narrowed by its exact type
        elif kind is int or kind is float:
            # What is not finite, taken from itself, is NaN.
            if not (INT_MIN <= item <= INT_MAX if kind is int else item - item == 0.0):  # type: ignore[operator]
                return False
        elif kind is list or kind is dict:
            copy = _plain_list(item, texts, depth) if kind is list else plain_copy(item, texts, depth=depth)  # type: ignore[arg-type]
            if copy is None:
                return False
            holder[place] = copy
        elif item is not None and kind is not bool:
            return False
    return True

"""JSON texts of many values at once: by orjson where it is installed, and with the same result without."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, cast

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

__all__ = ["json_text", "sure_objects"]

_DIGITS = 10
_UNUSUAL = re.compile(rb"(?:^|[:,\[])(?:null|-?0\.0000|-?[0-9][0-9.]*e)")
"""What begins so is no text, or a text that looks like none."""


def json_text(value: object, *, sort_keys: bool = False) -> str:
    """Return *value* as compact JSON, as the standard library writes it.

    Args:
        value: What JSON can hold.
        sort_keys: Whether objects have their keys in the order of code points.

    Raises:
        ValueError, TypeError: JSON cannot hold it.

    >>> json_text([{"b": 1, "a": 1e-07}], sort_keys=True)
    '[{"a":1e-07,"b":1}]'
    """
    orjson = _orjson()
    if orjson is not None:
        try:
            text: bytes = orjson.dumps(value, option=orjson.OPT_SORT_KEYS if sort_keys else 0)
        except TypeError:
            """Integers of over 64 bits, lone surrogates: the standard library writes them, or refuses."""
        else:
            if _is_usual(text):
                return text.decode()
    return json.dumps(value, sort_keys=sort_keys, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _is_usual(text: bytes) -> bool:
    """Return whether orjson's *text* has nothing that it writes otherwise than the standard library.

    These are small and large floats, `1e-7` for `1e-07` and `0.00001` for `1e-05`; and NaN, which becomes
    null.
    """
    letters = np.frombuffer(text, dtype=np.uint8)
    after_digits = letters[:-1] - ord("0") < _DIGITS  # unsigned, so what is below "0" is large
    suspect = b"null" in text or b"0.0000" in text or (after_digits & (letters[1:] == ord("e"))).any()
    return not suspect or _UNUSUAL.search(text) is None


def sure_objects(texts: Sequence[str | None]) -> list[dict[str, object] | None]:
    """Return the objects of those JSON *texts* of which nothing can be lost; None for others.

    Nothing is lost, such as the first of two equal keys or the end of a long integer, where the text of what
    was read is the text again. So it is for what `json_text` wrote, with few exceptions.
    """
    orjson = _orjson()
    if orjson is None:
        return [None] * len(texts)
    try:
        values = [*map(orjson.loads, texts)]
        again = [*map(orjson.dumps, values)]
    except (orjson.JSONDecodeError, TypeError):
        return [None] * len(texts)
    return [
        cast("dict[str, object]", value)
        if type(value) is dict and text is not None and same == text.encode()
        else None
        for value, same, text in zip(values, again, texts, strict=True)
    ]


@cache  # a module that is missing is looked for at length
def _orjson() -> ModuleType | None:
    try:
        import orjson
    except ImportError:
        return None
    return orjson

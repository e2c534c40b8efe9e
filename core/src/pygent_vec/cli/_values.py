"""Values of options that are JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["json_object", "json_value"]


def json_object(text: str, option: str, *, example: str) -> dict[str, object]:
    """Return the JSON object that is the value of *option*.

    Raises:
        typer.BadParameter: it is none; shows *example*.
    """
    value = json_value(text, option)
    if not isinstance(value, dict):
        raise typer.BadParameter(f"not a JSON object, such as {example}", param_hint=option)
    return value


def json_value(text: str, option: str) -> object:
    """Return the JSON that is the value of *option*.

    Raises:
        typer.BadParameter: it is none, or gives a key twice in one object.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique_keys)
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"not JSON: {error}", param_hint=option) from error


def _unique_keys(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """Return a JSON object; of a key that is given twice, one value would be lost without a word."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice in one object")
    return found

"""What the project promises: the bounds of `claims.toml`, and claims made of them."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from bench.measure import Claim

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Promise", "claim", "promises"]


@attrs.frozen(kw_only=True)
class Promise:
    """One entry of `claims.toml`.

    Attributes:
        topic: What is measured.
        text: The definition of the figure.
        at: "least" or "most".
        bound: The number promised.
        short: Why it falls short, where that is known.
    """

    topic: str
    text: str
    at: str = attrs.field(validator=attrs.validators.in_(("least", "most")))
    bound: float = attrs.field(validator=attrs.validators.instance_of((int, float)))
    short: str = ""


@cache
def promises() -> Mapping[str, Promise]:
    """Return every promise by its key, such as `faiss.search`."""
    body = tomllib.loads((Path(__file__).parent / "claims.toml").read_text(encoding="utf-8"))
    return {key: Promise(**entry) for key, entry in body.items()}


def claim(
    key: str,
    *,
    measured: float,
    detail: str = "",
    words: str = "",
    spread: tuple[float, float] | None = None,
) -> Claim:
    """Return what was measured beside the promise *key*.

    Args:
        key: Of `claims.toml`.
        measured: The figure.
        detail: The figures behind it.
        words: What sets this case of the promise apart from others, such as an effort.
        spread: The quartiles of the figure.

    Raises:
        LookupError: there is no such promise.
    """
    found = promises().get(key)
    if found is None:
        raise LookupError(f"no promise {key!r} in bench/claims.toml; add it there, with its bound")
    return Claim(
        key=key,
        topic=found.topic,
        text=found.text + (f", {words}" if words else ""),
        bound=found.bound,
        measured=measured,
        at_most=found.at == "most",
        detail=detail,
        spread=spread,
        short=found.short,
    )

"""Names: how a collection of ours is called in Chroma, and back, without collisions.

Chroma wants 3 to 512 characters of `[a-zA-Z0-9._-]`, an alphanumeric one at both ends, no two dots in a row,
and no IPv4 address. A name of ours that is all that stays as it is; any other is written in base32 behind a
prefix.
"""

from __future__ import annotations

import re
from base64 import b32decode, b32encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pygent_vec_chroma.driver import NativeCollection

__all__ = ["collection_name", "native_name"]

_PREFIX = "pygent-vec."
_OURS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_NATURAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]")
_NUMERIC = re.compile(r"[0-9.]+")
_SHORTEST = 3


def native_name(name: str) -> str:
    """Return what Chroma calls the collection *name*.

    >>> native_name("articles"), native_name("a")
    ('articles', 'pygent-vec.me')
    """
    if _is_natural(name):
        return name
    return _PREFIX + b32encode(name.encode()).decode().rstrip("=").lower()


def collection_name(native: NativeCollection) -> str | None:
    """Return what we call a collection of Chroma's; None if it has no name in the contract."""
    return _read(native.name)


def _read(native: str) -> str | None:
    """Return the name that stands in Chroma's.

    >>> _read("pygent-vec.me"), _read("x" * 300)
    ('a', None)
    """
    if not native.startswith(_PREFIX):
        return native if _OURS.fullmatch(native) and _is_natural(native) else None
    text = native.removeprefix(_PREFIX).upper()
    try:
        name = b32decode(text + "=" * (-len(text) % 8)).decode()
    except ValueError:
        return None
    return name if _OURS.fullmatch(name) and native_name(name) == native else None


def _is_natural(name: str) -> bool:
    """Return whether Chroma takes a name of ours as it is, and nobody can take it for a written-out one."""
    return (
        len(name) >= _SHORTEST
        and _NATURAL.fullmatch(name) is not None
        and ".." not in name
        and not (name.count(".") == 3 and _NUMERIC.fullmatch(name))  # noqa: PLR2004  # an IPv4 address
        and not name.startswith(_PREFIX)
    )

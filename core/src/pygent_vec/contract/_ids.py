"""What an id may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec.errors import InvalidDocumentError, shown
from pygent_vec.model import InvalidValueError, are_texts, check_text

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MAX_ID_BYTES", "check_ids", "checked_id", "known_ids"]

MAX_ID_BYTES = 512
_MOST_BYTES = 4
"""Of a letter in UTF-8."""


def known_ids(ids: object) -> list[str]:
    """Return the unique ids among *ids* that a store can hold, in their order.

    Raises:
        InvalidDocumentError: *ids* is one string, or holds something that is not a string.
    """
    if isinstance(ids, (str, bytes)):
        raise InvalidDocumentError(
            f"expected a list of ids, got the single id {shown(ids)}; put it in a list"
        )
    unique: dict[str, None] = {}
    for one in ids:  # type: ignore[attr-defined]  # not iterable is a TypeError that speaks for itself
        if not isinstance(one, str):
            raise InvalidDocumentError(f"an id is a string, got {shown(one)}")
        if _id_fault(one) is None:
            unique[one] = None
    return list(unique)


def checked_id(one: object) -> str:
    """Return *one*, an id that a store can hold.

    Raises:
        InvalidDocumentError: it is none.
    """
    if not isinstance(one, str):
        raise InvalidDocumentError(f"an id is a string, got {shown(one)}")
    fault = _id_fault(one)
    if fault is not None:
        raise InvalidDocumentError(f"id {shown(one)}: {fault}")
    return one


def check_ids(ids: Sequence[str]) -> None:
    """Raise `InvalidDocumentError` unless *ids* can be stored and are unique."""
    if are_texts(ids) and len(set(ids)) == len(ids) and _are_short(ids):
        return
    seen: set[str] = set()
    for place, one in enumerate(ids):
        if not isinstance(one, str):
            raise InvalidDocumentError(f"document number {place}: id: a string is needed, got {shown(one)}")
        fault = _id_fault(one)
        if fault is not None:
            raise InvalidDocumentError(f"document {shown(one)} (number {place}): id: {fault}")
        if one in seen:
            raise InvalidDocumentError(
                f"document {shown(one)}: id: given twice in one call; keep the version that you mean"
            )
        seen.add(one)


def _are_short(ids: Sequence[str]) -> bool:
    """Return whether all *ids* are certain to be in the limits; none is longer than four bytes a letter."""
    lengths = [*map(len, ids)]
    return not lengths or (min(lengths) > 0 and max(lengths) <= MAX_ID_BYTES // _MOST_BYTES)


def _id_fault(one: str) -> str | None:
    if not one:
        return "must not be empty"
    try:
        check_text(one)
    except InvalidValueError as error:
        return error.reason
    size = len(one) if one.isascii() else len(one.encode())
    return f"{size} UTF-8 bytes; at most {MAX_ID_BYTES} are allowed" if size > MAX_ID_BYTES else None

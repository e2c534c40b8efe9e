"""The requirements: the contract, cut into sentences that a check can prove."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Requirement", "requirements"]


@attrs.frozen(kw_only=True)
class Requirement:
    """A sentence of the contract.

    Attributes:
        id: Such as `VS-231`; never reused.
        paragraph: Where the contract says it.
        text: What the contract says.
        cause: What is usually wrong where it is broken.
        level: `core` is what every backend must keep, `extended` hangs on a declared capability.
        since: The version of the suite that first checked it.
    """

    id: str
    paragraph: str
    text: str
    cause: str = ""
    level: str = "core"
    since: str = "0.1"


@cache
def requirements() -> Mapping[str, Requirement]:
    """Return every requirement by id, as `requirements.toml` has them."""
    text = files(__package__).joinpath("requirements.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    return {
        one: Requirement(id=one, paragraph=section["paragraph"], **entry)
        for section in table["section"]
        for one, entry in section["requirements"].items()
    }

"""What every store can be told."""

from __future__ import annotations

import attrs

from pygent_vec.model import IndexSpec  # noqa: TC001  # resolved at run time

__all__ = ["StoreConfig"]


@attrs.frozen(kw_only=True)
class StoreConfig:
    """The base of every backend's configuration.

    Attributes:
        default_collection: What `collection=None` means.
        default_index: The index of new collections that are given none; None lets the backend choose.
    """

    default_collection: str = "default"
    default_index: IndexSpec | None = None

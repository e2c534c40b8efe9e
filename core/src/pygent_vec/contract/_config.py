"""What every store can be told."""

from __future__ import annotations

import attrs

__all__ = ["StoreConfig"]


@attrs.frozen(kw_only=True)
class StoreConfig:
    """The base of every backend's configuration.

    Attributes:
        default_collection: What `collection=None` means.
    """

    default_collection: str = "default"

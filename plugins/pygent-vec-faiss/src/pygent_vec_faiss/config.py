"""The settings of a FAISS store."""

from __future__ import annotations

from pathlib import Path

import attrs

from pygent_vec.contract import StoreConfig
from pygent_vec.errors import ConfigError

__all__ = ["FaissConfig"]


def _expanded(path: str | Path) -> Path:
    return Path(path).expanduser()


def _positive(_: object, field: attrs.Attribute[float], value: float) -> None:
    if not value > 0:
        raise ConfigError(f"the setting {field.name} must be above 0, got {value}")


@attrs.frozen(kw_only=True)
class FaissConfig(StoreConfig):
    """Where a FAISS store lives and how it keeps its indexes.

    Attributes:
        path: The store's directory; made where it does not exist. One process at a time may open it.
        background: Whether indexes grow in a background thread as documents come; if not, only in `optimize`.
        build_budget: CPU seconds that an index of kind `auto` may cost to build as a graph (HNSW); where the
            projected cost is higher, clusters (IVF) are used.
    """

    path: Path = attrs.field(converter=_expanded)
    background: bool = True
    build_budget: float = attrs.field(default=600.0, validator=_positive)

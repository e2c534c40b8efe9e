"""The settings of a Chroma store."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  # a setting's type, which is resolved
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs

from pygent_vec.contract import StoreConfig
from pygent_vec.errors import ConfigError

__all__ = ["ChromaConfig"]

_OFTEN, _RARELY = 5_000, 1_000_000


def _expanded(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path).expanduser()


def _positive(_: object, field: attrs.Attribute[Any], value: float) -> None:
    if not value > 0:
        raise ConfigError(f"the setting {field.name} must be above 0, got {value}")


def _not_negative(_: object, field: attrs.Attribute[int], value: int) -> None:
    if value < 0:
        raise ConfigError(f"the setting {field.name} must be 0 or more, got {value}")


def _address(_: object, field: attrs.Attribute[str | None], value: str | None) -> None:
    if value is None:
        return
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(f"the setting {field.name} must be like http://host:8000 or https://host")
    if parts.query or parts.fragment or parts.username or parts.password:
        raise ConfigError(
            f"the setting {field.name} is an address only: give credentials in the setting headers"
        )


@attrs.frozen(kw_only=True)
class ChromaConfig(StoreConfig):
    """Where Chroma is: in a directory (`path`), on a server (`url`), or, with neither, in memory.

    Attributes:
        path: Chroma's directory; made where it does not exist. One store at a time may open it.
        url: The server's address.
        tenant: Chroma's tenant.
        database: Chroma's database in it. A store in a directory or in memory makes both where they are
            missing; on a server they must exist.
        headers: Sent with every request, for authentication.
        ca_file: Certificates by which the server's is checked, instead of the system's.
        client_certificate: Shown to the server, with its key in the same file.
        timeout: Seconds that the server may take for one request.
        connect_timeout: Seconds that a connection may take.
        retries: How often a request is repeated that failed before the server can have acted on it, or that
            may be repeated without harm.
        ef_construction: How widely the index of a new collection searches for neighbours when it is built.
        ef_search: How widely it searches in a query.
        max_neighbors: How many neighbours each vector keeps.
        sync_threshold: After how many writes to a new collection Chroma writes its index to files. Until then
            they are in a queue, and read again when Chroma starts. None means 5,000; on a server 1,000,000,
            because a server that is killed while it writes the files leaves an index that it cannot read.
    """

    path: Path | None = attrs.field(default=None, converter=_expanded)
    url: str | None = attrs.field(default=None, validator=_address)
    tenant: str = "default_tenant"
    database: str = "default_database"
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    ca_file: Path | None = attrs.field(default=None, converter=_expanded)
    client_certificate: Path | None = attrs.field(default=None, converter=_expanded)
    timeout: float = attrs.field(default=60.0, validator=_positive)
    connect_timeout: float = attrs.field(default=5.0, validator=_positive)
    retries: int = attrs.field(default=3, validator=_not_negative)
    ef_construction: int = attrs.field(default=100, validator=_positive)
    ef_search: int = attrs.field(default=100, validator=_positive)
    max_neighbors: int = attrs.field(default=16, validator=_positive)
    sync_threshold: int | None = attrs.field(default=None, validator=attrs.validators.optional(_positive))

    def __attrs_post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        if self.path is not None and self.url is not None:
            raise ConfigError("the settings path and url exclude each other: give one, or neither for memory")

    @property
    def hnsw(self) -> Mapping[str, object]:
        """What new collections' indexes are configured with."""
        return {
            "ef_construction": self.ef_construction,
            "ef_search": self.ef_search,
            "max_neighbors": self.max_neighbors,
            "sync_threshold": self.sync_threshold or (_RARELY if self.url else _OFTEN),
        }

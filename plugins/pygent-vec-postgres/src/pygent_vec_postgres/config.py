"""The settings of a PostgreSQL store."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

import attrs

from pygent_vec.contract import StoreConfig
from pygent_vec.errors import ConfigError, shown

__all__ = ["PostgresConfig", "url_settings"]

_IDENTIFIER_BYTES = 63
_ADDRESS = ("dsn", "host", "port", "user", "password", "database")


def _expanded(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path).expanduser()


def _positive(_: object, field: attrs.Attribute[Any], value: float) -> None:
    if not value > 0:
        raise ConfigError(f"the setting {field.name} must be above 0, got {value}")


def _not_negative(_: object, field: attrs.Attribute[int], value: int) -> None:
    if value < 0:
        raise ConfigError(f"the setting {field.name} must not be negative, got {value}")


def _identifier(_: object, field: attrs.Attribute[str], value: str) -> None:
    if not value or "\0" in value or len(value.encode(errors="replace")) > _IDENTIFIER_BYTES:
        raise ConfigError(
            f"the setting {field.name} must be a name of 1 to {_IDENTIFIER_BYTES} bytes, got {shown(value)}"
        )
    if value.startswith("pg_"):
        raise ConfigError(f"the setting {field.name}={value!r}: PostgreSQL keeps names in pg_… for itself")


@attrs.frozen(kw_only=True)
class PostgresConfig(StoreConfig):
    """Which server a store uses, and how.

    Without an address, the environment's (`PGHOST`, `PGUSER`, …) and the defaults of PostgreSQL count.

    Attributes:
        dsn: The address as `postgresql://user:password@host:port/database?sslmode=…`; it may name several
            hosts.
        host: The server, or the directory of its socket; also for the next four, instead of `dsn`.
        port: The server's port.
        user: The role.
        password: The role's password.
        database: The database.
        ssl_mode: `disable`, `allow`, `prefer`, `require`, `verify-ca` or `verify-full`.
        ssl_ca: A file with the certificates to trust.
        schema: The schema of the store's tables; made where it does not exist.
        read_dsn: The address of a replica for searches. They then see what it has received.
        pool_size: The most connections to each server.
        timeout: The limit of one call in seconds.
        connect_timeout: The limit of opening a connection in seconds.
        maintenance_timeout: The limit of building an index in seconds.
        idle_timeout: Connections that lay unused for so many seconds are closed.
        statement_cache_size: Prepared statements of a connection. 0 for proxies that pool transactions.
        refresh: After so many seconds, what is known of a collection is asked for again; what others changed
            in a way that matters, such as deleting it, is noticed at once.
        build_memory: The server's `maintenance_work_mem` while it builds an index, such as `"2GB"`; None
            means what the server is set to. A graph that does not fit is built several times as slowly.
        distributed: Whether new collections are spread over servers by Citus.
        embedded: Whether to start a private server, from the extra `embedded`.
        path: The private server's directory; None means a temporary one, deleted at the end.
    """

    dsn: str | None = attrs.field(default=None, repr=False)
    host: str | None = None
    port: int | None = None
    user: str | None = None
    password: str | None = attrs.field(default=None, repr=False)
    database: str | None = None
    ssl_mode: str | None = None
    ssl_ca: Path | None = attrs.field(default=None, converter=_expanded)
    schema: str = attrs.field(default="vectors", validator=_identifier)
    read_dsn: str | None = attrs.field(default=None, repr=False)
    pool_size: int = attrs.field(default=10, validator=_positive)
    timeout: float = attrs.field(default=60.0, validator=_positive)
    connect_timeout: float = attrs.field(default=10.0, validator=_positive)
    maintenance_timeout: float = attrs.field(default=21_600.0, validator=_positive)
    idle_timeout: float = attrs.field(default=300.0, validator=_positive)
    statement_cache_size: int = attrs.field(default=100, validator=_not_negative)
    refresh: float = attrs.field(default=5.0, validator=_positive)
    build_memory: str | None = None
    distributed: bool = False
    embedded: bool = False
    path: Path | None = attrs.field(default=None, converter=_expanded)

    def __attrs_post_init__(self) -> None:
        given = [name for name in _ADDRESS if getattr(self, name) is not None]
        if self.is_embedded and given:
            raise ConfigError(
                f"the settings embedded and path start a private server, {' and '.join(given)} another one; "
                "give one of the two"
            )
        if self.dsn is not None and len(given) > 1:
            raise ConfigError(
                f"the settings dsn and {' and '.join(given[1:])} name a server twice; give one of the two"
            )

    @property
    def is_embedded(self) -> bool:
        """Whether the store starts a server of its own."""
        return self.embedded or self.path is not None


def url_settings(url: str) -> dict[str, object]:
    """Return the settings that a store's URL names: a DSN with settings of the store among its parameters.

    Where no `//` follows the colon, it is the directory of a private server, as in `postgresql:library`.

    Raises:
        ConfigError: a setting is given twice.
    """
    names = {field.name for field in attrs.fields(PostgresConfig)} - set(_ADDRESS)
    address, _, query = url.partition("?")
    settings: dict[str, object] = {}
    others = []
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in names:
            others.append((key, value))
        elif key in settings:
            raise ConfigError(f"the URL of the backend 'postgresql' gives {key!r} twice")
        else:
            settings[key] = value
    place = address.partition(":")[2]
    if place and not place.startswith("//"):
        if "path" in settings:
            raise ConfigError("the URL of the backend 'postgresql' gives 'path' twice")
        settings["path"], address, place = unquote(place), "postgresql:", ""
    named = place.strip("/") or others
    if named or not settings.keys() & {"embedded", "path"}:
        settings["dsn"] = f"{address}?{urlencode(others)}" if others else address
    return settings

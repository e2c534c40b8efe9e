"""Opening connections: the address, encryption, and the codecs of pgvector's types."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any

import asyncpg
import attrs

from pygent_vec.errors import BackendUnavailableError, ConfigError

if TYPE_CHECKING:
    from pygent_vec_postgres.config import PostgresConfig
    from pygent_vec_postgres.schema.layout import Extension
    from pygent_vec_postgres.server.embedded import EmbeddedServer

__all__ = ["Connector"]

_JSONB_VERSION = b"\x01"
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


@attrs.frozen(kw_only=True)
class Connector:
    """Opens connections to one address.

    Attributes:
        config: The store's settings.
        dsn: The address instead of the settings' own, such as a replica's.
        server: The private server, which is started again where it does not run.
    """

    config: PostgresConfig
    dsn: str | None = None
    server: EmbeddedServer | None = None

    async def plain(self) -> asyncpg.Connection:
        """Open a connection that knows nothing of pgvector.

        Raises:
            OSError, asyncpg.PostgresError: there is none.
            ConfigError: the address cannot be read.
        """
        if self.server is None:
            return await self._connected(self._address())
        try:
            return await self._connected(self._embedded(self.server.host))
        except (OSError, BackendUnavailableError, asyncpg.CannotConnectNowError):
            await asyncio.to_thread(self.server.start)
            return await self._connected(self._embedded(self.server.host))

    async def ready(self, extension: Extension) -> asyncpg.Connection:
        """Open a connection whose vectors are bytes in pgvector's form, and whose jsonb is text in bytes."""
        connection = await self.plain()
        try:
            for name in ("vector", "halfvec"):
                await connection.set_type_codec(
                    name, schema=extension.schema, encoder=_same, decoder=_same, format="binary"
                )
            await connection.set_type_codec(
                "jsonb", schema="pg_catalog", encoder=_as_jsonb, decoder=_as_json, format="binary"
            )
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _connected(self, address: dict[str, Any]) -> asyncpg.Connection:
        try:
            return await asyncpg.connect(
                **address,
                timeout=self.config.connect_timeout,
                statement_cache_size=self.config.statement_cache_size,
            )
        except TimeoutError as error:
            limit = self.config.connect_timeout
            raise TimeoutError(f"no connection within {limit:g} seconds") from error
        except ssl.SSLError:
            raise  # which is a ValueError, too
        except (ValueError, asyncpg.ClientConfigurationError) as error:
            raise ConfigError(f"the address of the server cannot be read: {error}") from error

    def _embedded(self, host: str) -> dict[str, Any]:
        return {"host": host, "user": "postgres", "database": "postgres", "ssl": False}

    def _address(self) -> dict[str, Any]:
        config = self.config
        encryption = self._encryption()
        given = {} if encryption is None else {"ssl": encryption}
        dsn = self.dsn or config.dsn
        if dsn is not None:
            return {"dsn": dsn, **given}
        parts = {name: getattr(config, name) for name in ("host", "port", "user", "password", "database")}
        return {**{name: value for name, value in parts.items() if value is not None}, **given}

    def _encryption(self) -> ssl.SSLContext | str | None:
        mode, authority = self.config.ssl_mode, self.config.ssl_ca
        if mode is not None and mode not in _SSL_MODES:
            raise ConfigError(f"the setting ssl_mode={mode!r} is unknown; use one of {', '.join(_SSL_MODES)}")
        if authority is None:
            return mode
        if mode not in {None, "verify-ca", "verify-full"}:
            raise ConfigError(f"the setting ssl_ca needs ssl_mode verify-ca or verify-full, not {mode!r}")
        try:
            context = ssl.create_default_context(cafile=str(authority))
        except OSError as error:
            raise ConfigError(f"the setting ssl_ca: {str(authority)!r} cannot be read: {error}") from error
        context.check_hostname = mode != "verify-ca"
        return context


def _same(value: bytes) -> bytes:
    return value


def _as_jsonb(text: bytes) -> bytes:
    return _JSONB_VERSION + text


def _as_json(value: bytes) -> bytes:
    return value[1:]

"""The errors of the driver and of the server, in the contract's words and with their remedies."""

from __future__ import annotations

import socket
import ssl

import asyncpg
import attrs

from pygent_vec.errors import BackendError, BackendTimeoutError, BackendUnavailableError, PygentVecError

__all__ = ["connection_lost", "rolled_back", "translated"]

# The driver's state machine may meet the end of a connection amid a step: InternalClientError.
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.InternalClientError,
    OSError,
)
_ROLLED_BACK = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)


@attrs.frozen(kw_only=True)
class _Case:
    """Some of the server's errors: what they are called here, and what helps."""

    errors: tuple[type[asyncpg.PostgresError], ...]
    kind: type[BackendError] = BackendError
    remedy: str
    transient: bool = False


def connection_lost(error: Exception) -> bool:
    """Return whether the connection broke under a call, so that its outcome is unknown."""
    return isinstance(error, _LOST) and not isinstance(error, TimeoutError)


def rolled_back(error: Exception) -> bool:
    """Return whether the server undid a transaction for the sake of another one."""
    return isinstance(error, _ROLLED_BACK)


def translated(error: Exception) -> PygentVecError | None:
    """Return the contract's error for one of the driver's; None if it is not the driver's."""
    if isinstance(error, TimeoutError):
        return BackendTimeoutError(
            f"the server did not answer in time: {error}; check that it is reachable and not overloaded, "
            "or raise the setting timeout"
        )
    if isinstance(error, asyncpg.PostgresError):
        return _of_server(error)
    if isinstance(error, (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)):
        return _unreachable(error)
    return None


def _of_server(error: asyncpg.PostgresError) -> BackendError:
    for case in _CASES:
        if isinstance(error, case.errors):
            return case.kind(f"{_said(error)}; {case.remedy}", transient=case.transient)
    return BackendError(f"PostgreSQL refused the call: {_said(error)}")


def _unreachable(error: Exception) -> BackendUnavailableError:
    if isinstance(error, socket.gaierror):
        return BackendUnavailableError(
            f"the server's host name cannot be resolved: {error}; check the settings dsn or host",
            transient=False,
        )
    if isinstance(error, ssl.SSLError):
        return BackendUnavailableError(
            f"no encrypted connection to the server: {error}; check the settings ssl_mode and ssl_ca",
            transient=False,
        )
    return BackendUnavailableError(
        f"the server cannot be reached: {error}; check that it runs and that the settings name its address. "
        "Later calls connect again by themselves"
    )


def _said(error: asyncpg.PostgresError) -> str:
    parts = [str(error), getattr(error, "detail", None), getattr(error, "hint", None)]
    return f"{'; '.join(part for part in parts if part)} ({error.sqlstate})"


_CASES = (
    _Case(
        errors=(asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError),
        kind=BackendUnavailableError,
        remedy="check the user and password in the settings, and the server's pg_hba.conf",
    ),
    _Case(
        errors=(asyncpg.InvalidCatalogNameError,),
        kind=BackendUnavailableError,
        remedy="create the database with createdb, or name another one in the settings",
    ),
    _Case(
        errors=(asyncpg.TooManyConnectionsError,),
        kind=BackendUnavailableError,
        remedy="lower the setting pool_size, raise max_connections on the server, or put a pooler before it",
        transient=True,
    ),
    _Case(
        errors=(
            asyncpg.PostgresConnectionError,
            asyncpg.CannotConnectNowError,
            asyncpg.AdminShutdownError,
            asyncpg.CrashShutdownError,
            asyncpg.IdleSessionTimeoutError,
        ),
        kind=BackendUnavailableError,
        remedy="the server went away or is not ready yet; later calls connect again by themselves",
        transient=True,
    ),
    _Case(
        errors=(asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError),
        kind=BackendTimeoutError,
        remedy="the server gave the call up; raise its statement_timeout or lock_timeout, or try again later",
        transient=True,
    ),
    _Case(
        errors=(asyncpg.SerializationError, asyncpg.DeadlockDetectedError),
        remedy="nothing of the call was kept; try it again",
        transient=True,
    ),
    _Case(
        errors=(asyncpg.InsufficientPrivilegeError,),
        remedy="grant the role what it needs: USAGE and CREATE on the schema, and ownership of its tables",
    ),
    _Case(
        errors=(asyncpg.ReadOnlySQLTransactionError,),
        remedy="the server takes no writes: it is a standby, or default_transaction_read_only is on; "
        "name the primary, or add target_session_attrs=read-write to the dsn",
        transient=True,
    ),
    _Case(
        errors=(asyncpg.DiskFullError,),
        remedy="nothing of the call was kept; free space on the server's disk and try again",
        transient=True,
    ),
    _Case(
        errors=(asyncpg.InsufficientResourcesError,),
        remedy="nothing of the call was kept; give the server more of what it lacks, or try smaller batches",
        transient=True,
    ),
    _Case(
        errors=(asyncpg.DataCorruptedError, asyncpg.IndexCorruptedError),
        remedy="the server found damage in its files: copy them, then restore a backup, or see pg_amcheck",
    ),
    _Case(
        errors=(asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError),
        remedy="a proxy that pools transactions is between; set statement_cache_size=0",
    ),
    _Case(
        errors=(asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError),
        remedy="somebody dropped what this store made; open the store again, or restore a backup",
    ),
    _Case(
        errors=(asyncpg.UndefinedColumnError, asyncpg.WrongObjectTypeError),
        remedy="a table of the store's schema is not what the store made; name a schema of its own",
    ),
)

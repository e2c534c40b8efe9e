"""The server that the tests use, and what they do to it."""

import asyncio
import os
import signal
import socket
import threading
import uuid
from collections.abc import Callable, Coroutine, Mapping
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import asyncpg
import attrs

from pygent_vec.config import config_from
from pygent_vec.model import CollectionSpec, DistanceMetric, IndexSpec, from_micros
from pygent_vec_postgres.config import PostgresConfig
from pygent_vec_postgres.plugin import pygent_vec_backend
from pygent_vec_postgres.server.embedded import EmbeddedServer
from pygent_vec_postgres.server.processes import processes_of, wait_for

if TYPE_CHECKING:
    from pygent_vec_postgres.store import PostgresStore

T = TypeVar("T")


def socket_dsn(directory: str, **more: str) -> str:
    """Return the DSN of an embedded server."""
    extra = "".join(f"&{name}={quote(value)}" for name, value in more.items())
    return f"postgresql:///postgres?host={quote(directory, safe='')}&user=postgres{extra}"


def free_port() -> int:
    """Return a port of this machine that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class Server:
    """A server: a temporary one of our own, or, given a DSN, somebody else's."""

    def __init__(self, dsn: str | None = None) -> None:
        self.own = None if dsn else EmbeddedServer(None)
        if self.own is not None:
            self.own.start()
        self.dsn = dsn or socket_dsn(self.own.host)

    def close(self) -> None:
        if self.own is not None:
            self.own.stop()

    def kill(self) -> None:
        """End the server without warning, and start it again at once, beside what is left of it."""
        os.kill(self.own.running.pid, signal.SIGKILL)
        self.own.start()

    def crash(self) -> None:
        """End the server without warning, and wait until nothing of it answers."""
        os.kill(self.own.running.pid, signal.SIGKILL)
        assert wait_for(lambda: not processes_of(self.own.data), 20)

    def settings(self, **more: object) -> dict[str, object]:
        """Return the settings of a store in a schema of its own."""
        return {"dsn": self.dsn, "schema": f"t_{uuid.uuid4().hex[:12]}", **more}

    def drop(self, settings: Mapping[str, object]) -> None:
        """Drop a store's schema, from code that may run in an event loop or not."""
        self.execute(f'DROP SCHEMA IF EXISTS "{settings["schema"]}" CASCADE')

    def execute(self, *statements: str) -> None:
        async def work(connection: asyncpg.Connection) -> None:
            for statement in statements:
                await connection.execute(statement)

        self.on(work)

    def value(self, statement: str, *arguments: object) -> Any:
        return self.on(lambda connection: connection.fetchval(statement, *arguments))

    def on(self, work: Callable[[asyncpg.Connection], Coroutine[Any, Any, T]]) -> T:
        """Return what *work* returns, done on a connection of its own."""

        async def run() -> T:
            connection = await asyncpg.connect(self.dsn)
            try:
                return await work(connection)
            finally:
                await connection.close()

        return in_thread(lambda: asyncio.run(run()))


async def until(condition: Callable[[], object]) -> None:
    """Wait until *condition* is true, or what it awaits."""
    while True:
        state = condition()
        if await state if isawaitable(state) else state:
            return
        await asyncio.sleep(0.001)


def in_thread(work: Callable[[], T]) -> T:
    """Return what *work* returns in another thread, where no event loop runs."""
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:  # noqa: BLE001  # raised below
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return done[0]


def made(settings: Mapping[str, object], **more: object) -> "PostgresStore":
    """Return a store that is not open yet."""
    from pygent_vec_postgres.store import PostgresStore

    config = config_from(pygent_vec_backend(), {**settings, **more})
    assert isinstance(config, PostgresConfig)
    return PostgresStore(config)


def spec(name: str = "default", dimension: int = 4, metric: str = "cosine", **more: object) -> CollectionSpec:
    """Return a collection that was never made."""
    base = CollectionSpec(
        name=name,
        dimension=dimension,
        distance_metric=DistanceMetric(metric),
        index=IndexSpec(),
        metadata={},
        created_at=from_micros(1_700_000_000_000_000),
    )
    return attrs.evolve(base, **more)

"""The field: the contestants of the backends that were asked for."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

from bench.contestants.byhand import RawPostgres
from bench.contestants.ours import SCHEMA, Ours
from bench.contestants.program import Program
from bench.contestants.raw import BruteForce, RawChroma, RawFaiss
from bench.peers.environments import PEERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.contestants.contestant import Contestant
    from bench.suites import Setup

__all__ = ["field_of", "opened", "server_of", "settings_of"]


@contextmanager
def server_of(setup: Setup) -> Iterator[str]:
    """Yield the address of a PostgreSQL server: the setup's own, or a private one that lives as long."""
    if setup.dsn or "postgres" not in setup.backends:
        yield setup.dsn or ""
        return
    from pygent_vec_postgres.server.embedded import EmbeddedServer

    server = EmbeddedServer(None)
    server.start()
    try:
        yield f"postgresql:///postgres?host={quote(server.host, safe='')}&user=postgres"
    finally:
        server.stop()


def settings_of(backend: str, work: Path, address: str) -> dict[str, str]:
    """Return how one of our stores is opened, in a directory of its own below *work*."""
    if backend == "postgres":
        return {"dsn": address, "schema": SCHEMA}
    return {} if backend == "memory" else {"path": str(work / backend)}


@contextmanager
def opened(setup: Setup) -> Iterator[tuple[str, list[Ours]]]:
    """Yield a server's address and our stores, empty."""
    with server_of(setup) as address, ExitStack() as stack:
        stores = []
        for backend in setup.backends:
            store = Ours(backend, settings_of(backend, setup.work, address))
            stack.callback(store.close)
            stores.append(store)
        yield address, stores


@contextmanager
def field_of(setup: Setup, notes: list[str]) -> Iterator[list[Contestant]]:
    """Yield our stores, their raw libraries, NumPy, and the peers; *notes* gets who is missing, and why."""
    with opened(setup) as (address, stores), ExitStack() as stack:
        everyone: list[Contestant] = [*stores, BruteForce()]
        if "faiss" in setup.backends:
            everyone.append(RawFaiss(setup.work / "raw-faiss"))
        if "chroma" in setup.backends:
            everyone.append(RawChroma(setup.work / "raw-chroma"))
        if "postgres" in setup.backends:
            everyone.append(RawPostgres(address))
        for one in everyone[len(stores) :]:
            stack.callback(one.close)
        for one in _peers(setup, address, notes):
            stack.callback(one.close)
            everyone.append(one)
        yield everyone


def _peers(setup: Setup, address: str, notes: list[str]) -> Iterator[Contestant]:
    for one in PEERS if setup.peers else ():
        if one.backend not in setup.backends:
            continue
        if not one.python.exists():
            notes.append(
                f"{one.name} is missing: it is not installed (python -m bench peers --install {one.name})"
            )
            continue
        try:
            program = Program(one, setup.work / one.name, server=address)
        except NotImplementedError as error:
            notes.append(f"{one.name} is missing: {error}")
        else:
            notes.append(f"{one.name} is {program.versions}.")
            yield program

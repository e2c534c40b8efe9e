"""One server for the session, and a schema for each test."""

import os
from collections.abc import Iterator

import pytest

from .harness import Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server that lives as long as the session: the embedded one, or that of PYGENT_VEC_POSTGRES_DSN."""
    server = Server(os.environ.get("PYGENT_VEC_POSTGRES_DSN"))
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def settings(server: Server) -> Iterator[dict[str, object]]:
    """The settings of a store in a schema of its own."""
    settings = server.settings()
    try:
        yield settings
    finally:
        server.drop(settings)

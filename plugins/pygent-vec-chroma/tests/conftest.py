"""Chroma's own server, started by the tests from the installed wheel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .chroma_server import ChromaServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def chroma_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChromaServer]:
    with ChromaServer(tmp_path_factory.mktemp("chroma-server")) as server:
        yield server

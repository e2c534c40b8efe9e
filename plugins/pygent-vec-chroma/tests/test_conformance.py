"""The Chroma store keeps the contract, in each of its modes.

The suite takes a minute and more in each, so in memory and on a server it runs only where
`PYGENT_VEC_ALL_MODES=1` is set, as `.ci/run` does.
"""

import os

import pytest

from pygent_vec_conformance import StoreTarget, VectorStoreContract

from .chroma_server import ChromaServer


class TestDirectory(VectorStoreContract):
    target = StoreTarget(backend="chromadb")


if os.environ.get("PYGENT_VEC_ALL_MODES"):

    class TestMemory(VectorStoreContract):
        target = StoreTarget(backend="chromadb", settings={"path": ""}, label="chromadb in memory")

    class TestServer(VectorStoreContract):
        @pytest.fixture
        def target(self, chroma_server: ChromaServer) -> StoreTarget:
            return StoreTarget(
                backend="chromadb",
                settings={"path": "", "url": chroma_server.url, "database": "{unique}"},
                prepare=chroma_server.make_database,
                dispose=chroma_server.drop_database,
                kill=chroma_server.restart,
                label="chromadb on a server",
            )

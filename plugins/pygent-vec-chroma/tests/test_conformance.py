"""The Chroma store keeps the contract, in each of its modes."""

import pytest

from pygent_vec_conformance import StoreTarget, VectorStoreContract

from .chroma_server import ChromaServer


class TestDirectory(VectorStoreContract):
    target = StoreTarget(backend="chromadb")


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

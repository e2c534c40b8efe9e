"""The PostgreSQL store keeps the contract."""

import pytest

from pygent_vec_conformance import StoreTarget, VectorStoreContract

from .harness import Server


@pytest.fixture(scope="module")
def target(server: Server) -> StoreTarget:
    """The session's server; a schema stands for each place."""
    return StoreTarget(
        backend="postgresql",
        settings={"dsn": server.dsn, "schema": "t_{unique}"},
        path_setting="",
        dispose=server.drop,
        kill=None if server.own is None else server.kill,
    )


class TestPostgres(VectorStoreContract):
    """Every check of the contract becomes a test of this class."""

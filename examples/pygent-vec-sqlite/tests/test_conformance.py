"""The backend keeps the contract."""

from pygent_vec_conformance import StoreTarget, VectorStoreContract


class TestSqlite(VectorStoreContract):
    """Every check of the contract becomes a test of this class."""

    target = StoreTarget(backend="sqlite")

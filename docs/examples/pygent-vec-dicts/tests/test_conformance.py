"""The backend keeps the contract."""

from pygent_vec_conformance import StoreTarget, VectorStoreContract


class TestDicts(VectorStoreContract):
    """Every check of the contract becomes a test of this class."""

    target = StoreTarget(backend="dicts")

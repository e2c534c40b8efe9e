"""The reference store keeps the contract."""

from pygent_vec_conformance import StoreTarget, VectorStoreContract


class TestMemory(VectorStoreContract):
    target = StoreTarget(backend="memory")

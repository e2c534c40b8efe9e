"""The FAISS store keeps the contract."""

from pygent_vec_conformance import StoreTarget, VectorStoreContract


class TestFaiss(VectorStoreContract):
    target = StoreTarget(backend="faiss")

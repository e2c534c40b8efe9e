"""What the tests of core share."""

import pytest
from hypothesis import HealthCheck, settings

from pygent_vec import DistanceMetric, SyncVectorStore
from pygent_vec.stores import MemoryConfig, MemoryStore

from .doubles import AsyncMemoryStore

settings.register_profile(
    "core", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow], database=None
)
settings.load_profile("core")


@pytest.fixture
def memory():
    """The reference store with an empty collection of two dimensions, compared by euclidean distance."""
    with SyncVectorStore(MemoryStore(MemoryConfig())) as store:
        store.create_collection("default", 2, DistanceMetric.EUCLIDEAN)
        yield store


@pytest.fixture(params=[MemoryStore, AsyncMemoryStore], ids=["blocking", "async"])
def store(request):
    """The same, for a store whose primitives are plain functions, and for one of coroutines."""
    with SyncVectorStore(request.param(MemoryConfig())) as store:
        store.create_collection("default", 2, DistanceMetric.EUCLIDEAN)
        yield store

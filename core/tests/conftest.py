"""What the tests of core share."""

import sys

import pytest
from hypothesis import HealthCheck, settings

from pygent_vec import DistanceMetric, SyncVectorStore, VectorDocument
from pygent_vec.plugin import DISABLED_VARIABLE
from pygent_vec.stores import MemoryConfig, MemoryStore

from .doubles import AsyncMemoryStore, RecordingStore
from .installation import Site

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


@pytest.fixture
def line(store):
    """Documents "0" to "9" on a line, at the distances 0 to 9."""
    store.add_documents(
        [
            VectorDocument(id=str(x), content=f"text {x}", title=f"t{x}", embedding=[x, 0], metadata={"x": x})
            for x in range(10)
        ]
    )
    return store


@pytest.fixture
def recording():
    with SyncVectorStore(RecordingStore(MemoryConfig())) as store:
        store.create_collection("default", 2, DistanceMetric.EUCLIDEAN)
        store.create_collection("cosine", 2, DistanceMetric.COSINE)
        yield store


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.delenv(DISABLED_VARIABLE, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    yield Site(tmp_path)
    for name in [name for name in sys.modules if name.startswith("fake_")]:
        del sys.modules[name]

"""One contract for vector stores: the same answer on every backend.

```python
from pygent_vec import F, VectorDocument, VectorQuery, open_store

async with open_store("faiss", path="./library") as store:
    await store.create_collection("default", dimension=384)
    await store.add_documents([VectorDocument(id="a", embedding=vector, metadata={"year": 2024})])
    results = await store.search_similar(VectorQuery(query_vector=vector, metadata_filter=F("year") >= 2020))
```

No backend is imported before a store of its kind is made.
"""

from typing import TYPE_CHECKING

from pygent_vec._about import __version__
from pygent_vec.config import open_store
from pygent_vec.contract import CONTRACT_VERSION, Embedder, VectorStore
from pygent_vec.errors import (
    BackendError,
    BackendNotFoundError,
    BackendTimeoutError,
    BackendUnavailableError,
    CollectionExistsError,
    CollectionMismatchError,
    CollectionNotFoundError,
    ConfigError,
    ContractMismatchError,
    CorruptStoreError,
    DocumentExistsError,
    InvalidDocumentError,
    InvalidFilterError,
    InvalidQueryError,
    InvalidVectorError,
    PluginLoadError,
    PygentVecError,
    StoreClosedError,
    StoreLockedError,
    UnsupportedFeatureError,
    WriteError,
)
from pygent_vec.filters import F, evaluate
from pygent_vec.model import (
    CollectionInfo,
    DistanceMetric,
    HealthReport,
    HealthStatus,
    IndexSpec,
    OptimizeReport,
    StoreStats,
    VectorBatch,
    VectorDocument,
    VectorQuery,
    VectorSearchResult,
    VectorStoreType,
)
from pygent_vec.sync import SyncVectorStore

if TYPE_CHECKING:
    from pygent_vec.manager import VectorStoreManager

__all__ = [
    "CONTRACT_VERSION",
    "BackendError",
    "BackendNotFoundError",
    "BackendTimeoutError",
    "BackendUnavailableError",
    "CollectionExistsError",
    "CollectionInfo",
    "CollectionMismatchError",
    "CollectionNotFoundError",
    "ConfigError",
    "ContractMismatchError",
    "CorruptStoreError",
    "DistanceMetric",
    "DocumentExistsError",
    "Embedder",
    "F",
    "HealthReport",
    "HealthStatus",
    "IndexSpec",
    "InvalidDocumentError",
    "InvalidFilterError",
    "InvalidQueryError",
    "InvalidVectorError",
    "OptimizeReport",
    "PluginLoadError",
    "PygentVecError",
    "StoreClosedError",
    "StoreLockedError",
    "StoreStats",
    "SyncVectorStore",
    "UnsupportedFeatureError",
    "VectorBatch",
    "VectorDocument",
    "VectorQuery",
    "VectorSearchResult",
    "VectorStore",
    "VectorStoreManager",
    "VectorStoreType",
    "WriteError",
    "__version__",
    "evaluate",
    "open_store",
]


def __getattr__(name: str) -> type[object]:
    """Import the manager when it is first asked for: most programs have one store and none of it."""
    if name == "VectorStoreManager":
        from pygent_vec.manager import VectorStoreManager

        return VectorStoreManager
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

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
    "VectorStoreType",
    "WriteError",
    "__version__",
    "evaluate",
    "open_store",
]

"""The names and shapes of the older vector store module, over the same stores and the same data.

An old import path keeps working with one line in its place:

```python
from pygent_vec.legacy import *
```

Old code runs as it is; the first use of each call warns and names the new one. `Modular…` are the names
under which the older module knew the new classes.
"""

from pygent_vec.contract import VectorStore as ModularVectorStore
from pygent_vec.legacy._documents import SimilarityResult, VectorDocument
from pygent_vec.legacy._manager import VectorStoreManager
from pygent_vec.legacy._stores import PostgreSQLVectorStore, VectorStore
from pygent_vec.manager import VectorStoreManager as ModularVectorStoreManager
from pygent_vec.model import DistanceMetric, VectorStoreType
from pygent_vec.model import VectorDocument as ModularVectorDocument
from pygent_vec.model import VectorQuery as ModularVectorQuery
from pygent_vec.model import VectorSearchResult as ModularVectorSearchResult

__all__ = [
    "DistanceMetric",
    "ModularVectorDocument",
    "ModularVectorQuery",
    "ModularVectorSearchResult",
    "ModularVectorStore",
    "ModularVectorStoreManager",
    "PostgreSQLVectorStore",
    "SimilarityResult",
    "VectorDocument",
    "VectorStore",
    "VectorStoreManager",
    "VectorStoreType",
]

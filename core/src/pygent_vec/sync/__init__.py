"""Stores and their manager for code without an event loop.

```python
from pygent_vec.sync import open_store

with open_store("faiss", path="./library") as store:
    store.search_similar(query)
```

A store that blocks (FAISS, memory) runs in the caller's thread, with no event loop between;
any other, and a manager, runs in one background event loop.
"""

from typing import TYPE_CHECKING

from pygent_vec.sync._store import SyncVectorStore, open_store

if TYPE_CHECKING:
    from pygent_vec.sync._manager import SyncVectorStoreManager

__all__ = ["SyncVectorStore", "SyncVectorStoreManager", "open_store"]


def __getattr__(name: str) -> type[object]:
    """Import the manager when it is first asked for."""
    if name == "SyncVectorStoreManager":
        from pygent_vec.sync._manager import SyncVectorStoreManager

        return SyncVectorStoreManager
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

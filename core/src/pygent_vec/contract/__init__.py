"""The contract: the store's public face, its primitives, its capabilities and its door."""

from pygent_vec.contract._blocking import BlockingVectorStore, drive
from pygent_vec.contract._capabilities import EXACT_PUSHDOWN, Capabilities, CrashModel
from pygent_vec.contract._config import StoreConfig
from pygent_vec.contract._embedder import Embedder
from pygent_vec.contract._embedding import EMBEDDING_MODEL
from pygent_vec.contract._ids import MAX_ID_BYTES
from pygent_vec.contract._primitives import MaybeAwaitable, Primitives
from pygent_vec.contract._requests import Found, Ping, SearchHits, SearchRequest, Tuning, WriteMode
from pygent_vec.contract._rwlock import ReadWriteLock
from pygent_vec.contract._specs import default_collection_of, spec_of
from pygent_vec.contract._store import OnConflict, VectorStore
from pygent_vec.contract._version import CONTRACT_VERSION

__all__ = [
    "CONTRACT_VERSION",
    "EMBEDDING_MODEL",
    "EXACT_PUSHDOWN",
    "MAX_ID_BYTES",
    "BlockingVectorStore",
    "Capabilities",
    "CrashModel",
    "Embedder",
    "Found",
    "MaybeAwaitable",
    "OnConflict",
    "Ping",
    "Primitives",
    "ReadWriteLock",
    "SearchHits",
    "SearchRequest",
    "StoreConfig",
    "Tuning",
    "VectorStore",
    "WriteMode",
    "default_collection_of",
    "drive",
    "spec_of",
]

"""The values that every room shares: documents, batches, queries, results, collections, reports."""

from pygent_vec.model._batch import (
    NO_OWN_FIELDS,
    OWN_FIELDS,
    DocumentRows,
    OwnFields,
    Projection,
    VectorBatch,
)
from pygent_vec.model._collection import (
    MAX_DIMENSION,
    CollectionInfo,
    CollectionSpec,
    IndexOption,
    IndexSpec,
)
from pygent_vec.model._document import (
    VectorDocument,
    VectorStoreType,
    as_float32,
    plain_metadata,
    timestamp_text,
)
from pygent_vec.model._drafts import new_document, new_result
from pygent_vec.model._json import (
    MAX_DEPTH,
    InvalidValueError,
    check_text,
    normalized,
    normalized_object,
)
from pygent_vec.model._metric import DistanceMetric, distances_to, similarity_from_distance, top_k
from pygent_vec.model._plain import are_texts, plain_copy
from pygent_vec.model._query import MAX_RESULTS, VectorQuery
from pygent_vec.model._reports import (
    CollectionStats,
    HealthReport,
    HealthStatus,
    OperationEvent,
    OptimizeReport,
    Problem,
    StoreEvent,
    StoreStats,
)
from pygent_vec.model._result import VectorSearchResult
from pygent_vec.model._time import from_micros, now_micros, rfc3339, rfc3339_from_micros, to_micros
from pygent_vec.model._types import (
    Float32Matrix,
    Float32Vector,
    Float64Vector,
    Int64Vector,
    JsonObject,
    JsonValue,
    Metadata,
)

__all__ = [
    "MAX_DEPTH",
    "MAX_DIMENSION",
    "MAX_RESULTS",
    "NO_OWN_FIELDS",
    "OWN_FIELDS",
    "CollectionInfo",
    "CollectionSpec",
    "CollectionStats",
    "DistanceMetric",
    "DocumentRows",
    "Float32Matrix",
    "Float32Vector",
    "Float64Vector",
    "HealthReport",
    "HealthStatus",
    "IndexOption",
    "IndexSpec",
    "Int64Vector",
    "InvalidValueError",
    "JsonObject",
    "JsonValue",
    "Metadata",
    "OperationEvent",
    "OptimizeReport",
    "OwnFields",
    "Problem",
    "Projection",
    "StoreEvent",
    "StoreStats",
    "VectorBatch",
    "VectorDocument",
    "VectorQuery",
    "VectorSearchResult",
    "VectorStoreType",
    "are_texts",
    "as_float32",
    "check_text",
    "distances_to",
    "from_micros",
    "new_document",
    "new_result",
    "normalized",
    "normalized_object",
    "now_micros",
    "plain_copy",
    "plain_metadata",
    "rfc3339",
    "rfc3339_from_micros",
    "similarity_from_distance",
    "timestamp_text",
    "to_micros",
    "top_k",
]

"""Which index a collection may have, and how statements order by it.

pgvector indexes `vector` up to 2,000 dimensions and `halfvec` up to 4,000. Above that, bits tell the sign of
each value: they find candidates by their angle, which are then compared exactly. So above 4,000
dimensions only the cosine metric has an index.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from pygent_vec.model import DistanceMetric

if TYPE_CHECKING:
    from pygent_vec_postgres.schema.layout import Table

__all__ = ["Access", "access_of", "index_columns", "order_by", "sound"]

_VECTOR_DIMENSIONS = 2000
_HALFVEC_DIMENSIONS = 4000
_CLASSES = {
    DistanceMetric.COSINE: "cosine_ops",
    DistanceMetric.EUCLIDEAN: "l2_ops",
    DistanceMetric.DOT_PRODUCT: "ip_ops",
    DistanceMetric.MANHATTAN: "l1_ops",
}


class Access(StrEnum):
    """What an index holds of a vector."""

    VECTOR = "vector"
    """All of it."""
    HALFVEC = "halfvec"
    """Its values in half precision."""
    BIT = "bit"
    """The signs of its values."""


def access_of(dimension: int, metric: DistanceMetric) -> Access | None:
    """Return what an index of such vectors holds; None if there can be none."""
    if dimension <= _VECTOR_DIMENSIONS:
        return Access.VECTOR
    if dimension <= _HALFVEC_DIMENSIONS:
        return Access.HALFVEC
    return Access.BIT if metric is DistanceMetric.COSINE else None


def sound(table: Table) -> str:
    """Return the SQL condition of the rows that an index holds: those that float32 can compare."""
    return f"NOT {table.stray}"


def index_columns(table: Table, access: Access) -> str:
    """Return what is indexed, with its operator class."""
    if access is Access.BIT:
        return f"({_indexed(table, access, 'embedding')}) {table.type('bit_hamming_ops')}"
    operator_class = table.type(f"{access.value}_{_CLASSES[table.metric]}")
    indexed = _indexed(table, access, "embedding")
    return f"{indexed if access is Access.VECTOR else f'({indexed})'} {operator_class}"


def order_by(table: Table, access: Access, query: str) -> str:
    """Return the SQL expression by which the index puts rows in order; *query* is the SQL of a vector."""
    operator = table.named_operator("<~>") if access is Access.BIT else table.operator(table.metric)
    return f"({_indexed(table, access, 'embedding')}) {operator} ({_indexed(table, access, query)})"


def _indexed(table: Table, access: Access, vector: str) -> str:
    if access is Access.VECTOR:
        return vector
    if access is Access.BIT:
        return f"{table.type('binary_quantize')}({vector})::bit({table.dimension})"
    if table.metric is DistanceMetric.COSINE:  # a direction fits into half precision, whatever its length
        vector = f"{table.type('l2_normalize')}({vector})"
    return f"{vector}::{table.type('halfvec')}({table.dimension})"

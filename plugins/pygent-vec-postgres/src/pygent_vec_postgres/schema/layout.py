"""Names, columns and DDL of the tables in which documents lie."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs

from pygent_vec.model import DistanceMetric

if TYPE_CHECKING:
    from pygent_vec.model import CollectionSpec

__all__ = ["COLUMNS", "Extension", "Table", "physical_name", "quoted", "table_ddl"]

COLUMNS = (
    "id",
    "embedding",
    "content",
    "metadata",
    "document",
    "title",
    "source",
    "document_type",
    "chunk_index",
    "chunk_count",
    "created_at",
    "updated_at",
)
"""The columns of a collection's table, in their order."""

_PAGE_ROW = 8160
"""The largest row of a page of 8 KiB, in bytes."""
_INLINE_DIMENSIONS = 1900
"""Up to here a vector leaves room in its page for the rest of a row, even if all of that is out of line."""
_BESIDES = 2032
"""Bytes of a row that may stay beside its vector before the server moves texts out of line."""
_SLUG = 24
_HALF_DIMENSIONS = range(2001, 4001)
"""Dimensions whose vectors are indexed at half precision, where 65,504 is the largest number."""
_OPERATORS = {
    DistanceMetric.COSINE: "<=>",
    DistanceMetric.EUCLIDEAN: "<->",
    DistanceMetric.DOT_PRODUCT: "<#>",
    DistanceMetric.MANHATTAN: "<+>",
}


def quoted(name: str) -> str:
    """Return *name* as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


@attrs.frozen(kw_only=True)
class Extension:
    """pgvector as it is installed in a database.

    Attributes:
        schema: Where its types and operators lie; not quoted.
        version: Such as `(0, 8, 1)`.
        oid: Its number in the database; another one after it was dropped and created again.
    """

    schema: str
    oid: int
    version: tuple[int, ...]


@attrs.frozen(kw_only=True, eq=False)
class Table:
    """A collection as SQL sees it.

    Attributes:
        spec: What the collection was created with.
        uid: Its number, which no other collection of the schema ever gets.
        schema: The schema; not quoted.
        name: The table's own name; not quoted, at most 45 bytes, so that an index can be named after it.
        extension: The schema of pgvector; not quoted.
        effort: The persisted search effort, such as `hnsw.ef_search`; None where none was set.
        distributed: Whether Citus spreads the table over several servers.
    """

    spec: CollectionSpec
    uid: int
    schema: str
    name: str
    extension: str
    effort: int | None = None
    distributed: bool = False
    qualified: str = attrs.field(init=False)
    """The table in SQL, quoted and with its schema."""
    vector_type: str = attrs.field(init=False)
    """The type `vector` in SQL, quoted and with its schema."""

    @qualified.default
    def _qualified(self) -> str:
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    @vector_type.default
    def _vector_type(self) -> str:
        return self.type("vector")

    @property
    def dimension(self) -> int:
        """The length of the collection's vectors."""
        return self.spec.dimension

    @property
    def metric(self) -> DistanceMetric:
        """The collection's metric."""
        return self.spec.distance_metric

    def type(self, name: str) -> str:
        """Return one of pgvector's types, functions or operator classes in SQL: `"public".halfvec`."""
        return f"{quoted(self.extension)}.{name}"

    def operator(self, metric: DistanceMetric) -> str:
        """Return the distance operator of *metric* in SQL, such as `OPERATOR("public".<=>)`.

        pgvector's `<#>` is the negative inner product, `<->` the euclidean distance and not its square.
        """
        return self.named_operator(_OPERATORS[metric])

    def named_operator(self, sign: str) -> str:
        """Return one of pgvector's operators in SQL, such as `OPERATOR("public".<~>)`."""
        return f"OPERATOR({quoted(self.extension)}.{sign})"

    @property
    def stray(self) -> str:
        """The condition in SQL of vectors beyond the range in which pgvector's float32 sums are exact enough.

        They are rare. Indexes and float32 distances are used for the rest; these are compared by the client.
        """
        norm = f"{self.type('vector_norm')}(embedding)"
        if self.metric is DistanceMetric.COSINE:
            return f"({norm} < 1e-15 OR {norm} > 1e15)"
        return f"({norm} > {6e4 if self.dimension in _HALF_DIMENSIONS else 1e15!r})"

    def index(self, suffix: str) -> str:
        """Return the quoted name of one of the table's indexes, without the schema."""
        return quoted(f"{self.name}_{suffix}")


def physical_name(uid: int, collection: str) -> str:
    """Return the name of a collection's table: readable in part, unique by its number, at most 45 bytes."""
    slug = re.sub(r"[^a-z0-9]+", "_", collection.lower()).strip("_")[:_SLUG]
    return f"c{uid}_{slug}"


def table_ddl(table: Table) -> list[str]:
    """Return the statements that make a collection's table, without its vector index.

    A vector of moderate length stays in the row, where an exact scan reads it for a fourth of the price;
    a longer one lies outside, uncompressed. What filters ask is `metadata`, what comes back is `document`:
    jsonb keeps neither a float's sign of zero nor its type.
    """
    inline = table.dimension <= _INLINE_DIMENSIONS
    target = min(_PAGE_ROW, table.dimension * 4 + _BESIDES) if inline else _BESIDES
    return [
        f"""CREATE TABLE {table.qualified} (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    embedding {table.vector_type}({table.dimension}) NOT NULL,
    content text NOT NULL,
    metadata jsonb NOT NULL,
    document bytea NOT NULL,
    title text COLLATE "C",
    source text COLLATE "C",
    document_type text COLLATE "C",
    chunk_index bigint,
    chunk_count bigint,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
) WITH (toast_tuple_target = {target})""",
        f"ALTER TABLE {table.qualified} ALTER embedding SET STORAGE {'PLAIN' if inline else 'EXTERNAL'}",
        f"CREATE INDEX {table.index('strays')} ON {table.qualified} (id) WHERE {table.stray}",
        f"CREATE INDEX {table.index('metadata')} ON {table.qualified} USING gin (metadata jsonb_path_ops)",
    ]

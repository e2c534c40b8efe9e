"""The plugin for imports: what this distribution reads of others. asyncpg is imported when it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec.plugin import SourceSpec, hookimpl

if TYPE_CHECKING:
    from pygent_vec.transfer import Source
    from pygent_vec.transfer.files import ReadOptions, Rejections

__all__ = ["pygent_vec_source"]

_WRITTEN_FOR = 1
"""The version of the contract that this plugin was written for."""


@hookimpl
def pygent_vec_source() -> SourceSpec:
    """Return the source `pgvector`."""
    return SourceSpec(
        name="pgvector",
        source=_source,
        options=frozenset({"table", "id_column", "vector_column", "content_column", "metadata_columns"}),
        contract_version=_WRITTEN_FOR,
        summary="A table of a PostgreSQL database, with a column of vectors.",
        install_hint="pip install pygent-vec-postgres",
    )


def _source(place: str, options: ReadOptions, rejections: Rejections) -> Source:
    from pygent_vec_postgres.tables import TableSource

    return TableSource(place, options, rejections)

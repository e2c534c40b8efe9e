"""The plugin for imports: what this distribution reads of others. FAISS is imported when it reads."""

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
    """Return the source `langchain`."""
    return SourceSpec(
        name="langchain",
        source=_source,
        options=frozenset(),
        contract_version=_WRITTEN_FOR,
        summary="A folder that LangChain's FAISS.save_local has written.",
        install_hint="pip install pygent-vec-faiss",
    )


def _source(place: str, options: ReadOptions, rejections: Rejections) -> Source:
    from pygent_vec_faiss.langchain import LangChainSource

    return LangChainSource(place, options, rejections)

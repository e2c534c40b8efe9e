"""The plugin: offers the embedder `static`. Neither the data nor the tokenizer is loaded here."""

from __future__ import annotations

from pygent_vec.plugin import EmbedderSpec, hookimpl
from pygent_vec_embed_static.embedder import DIMENSION, MODEL, StaticEmbedder

__all__ = ["pygent_vec_embedder"]

# Its own number and not core's: core compares the two.
_WRITTEN_FOR_CONTRACT = 1


@hookimpl
def pygent_vec_embedder() -> EmbedderSpec:
    """Return the embedder `static`."""
    return EmbedderSpec(
        name="static",
        embedder=StaticEmbedder,
        model=MODEL,
        dimension=DIMENSION,
        contract_version=_WRITTEN_FOR_CONTRACT,
        summary="Static English token vectors of 128 dimensions; 4 MB of data that travel with the package.",
        install_hint="pip install pygent-vec-embed-static",
    )

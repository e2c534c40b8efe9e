"""A text embedder of pygent-vec that travels with its data."""

from pygent_vec_embed_static.embedder import StaticEmbedder

__all__ = ["StaticEmbedder"]

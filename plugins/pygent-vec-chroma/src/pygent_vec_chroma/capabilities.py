"""What a Chroma store can do, in each of its modes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from pygent_vec.contract import Capabilities, CrashModel
from pygent_vec_chroma.filtering.grading import PUSHDOWN

if TYPE_CHECKING:
    from pygent_vec_chroma.config import ChromaConfig

__all__ = ["EMBEDDED", "MEMORY", "SERVER", "capabilities_of"]

EMBEDDED = Capabilities(
    index_kinds=frozenset({"auto", "hnsw"}),
    pushdown=PUSHDOWN,
    durable=True,
    crash_model=CrashModel.PROCESS,  # Chroma writes an index's files without fsync
    multi_process=False,
    remote=False,
    exact_vectors=False,  # a cosine collection gives vectors back normalised and rescaled
    max_batch=1000,
    tuning=True,
)
"""In a directory."""
MEMORY = attrs.evolve(EMBEDDED, durable=False, crash_model=CrashModel.NONE)
"""In the memory of a helper process."""
SERVER = attrs.evolve(EMBEDDED, multi_process=True, conditional_writes=False, remote=True)
"""On a server. It deletes whatever is there, and does not tell how many that was."""


def capabilities_of(config: ChromaConfig) -> Capabilities:
    """Return what a store of these settings can do."""
    if config.url is not None:
        return SERVER
    return MEMORY if config.path is None else EMBEDDED

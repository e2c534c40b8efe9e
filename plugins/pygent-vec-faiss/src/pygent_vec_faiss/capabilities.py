"""What a FAISS store can do."""

from __future__ import annotations

from pygent_vec.contract import EXACT_PUSHDOWN, Capabilities, CrashModel

__all__ = ["FAISS_CAPABILITIES"]

FAISS_CAPABILITIES = Capabilities(
    index_kinds=frozenset({"auto", "flat", "hnsw", "ivf_flat"}),
    pushdown=EXACT_PUSHDOWN,
    durable=True,
    crash_model=CrashModel.POWER,
    multi_process=False,
    remote=False,
    max_batch=50_000,
    tuning=True,
)

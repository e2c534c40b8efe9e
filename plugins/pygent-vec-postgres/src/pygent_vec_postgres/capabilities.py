"""What a PostgreSQL store can do."""

from __future__ import annotations

from pygent_vec.contract import EXACT_PUSHDOWN, Capabilities, CrashModel

__all__ = ["POSTGRES_CAPABILITIES"]

POSTGRES_CAPABILITIES = Capabilities(
    index_kinds=frozenset({"auto", "flat", "hnsw", "ivf_flat"}),
    pushdown=EXACT_PUSHDOWN,
    durable=True,
    crash_model=CrashModel.POWER,
    multi_process=True,
    remote=True,
    max_batch=10_000,
    tuning=True,
)

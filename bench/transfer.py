"""Copying between FAISS and PostgreSQL, against what the slower of the two takes in; and its memory."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import attrs

from bench.claims import claim
from bench.handmade import address_of
from bench.measure import set_aside
from pygent_vec import VectorBatch, VectorStore, open_store
from pygent_vec.transfer import copy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bench.data import Corpus
    from bench.measure import Claim

__all__ = ["measure_transfer"]

_BATCH = 1000
_ROUNDS = 5
_SCHEMA = "pygent_vec_bench_transfer"
_SMALL, _LARGE = "small", "large"


def measure_transfer(data: Corpus, work: Path, *, rounds: int) -> list[Claim]:
    """Return how fast copies are in both directions, and how their memory grows with the collection."""
    set_aside()
    return asyncio.run(_measured(data, work, min(rounds, _ROUNDS)))


async def _measured(data: Corpus, work: Path, rounds: int) -> list[Claim]:
    async with (
        open_store("faiss", path=work / "faiss", background=False) as faiss,
        open_store("postgresql", embedded=True, schema=_SCHEMA) as postgres,
    ):
        seen = [await _round(data, faiss, postgres, work) for _ in range(1 + rounds)][1:]
        claims = [
            _claim("transfer.copy", [one.there for one in seen], seen),
            _claim("transfer.back", [one.back for one in seen], seen),
            await _memory(data, postgres),
        ]
        for name in await postgres.list_collections():
            await postgres.delete_collection(name)
        return claims


@attrs.frozen(kw_only=True)
class _Round:
    """Rows a second: of the two stores' own ingest, and of copies from FAISS and back."""

    faiss: float
    postgres: float
    there: float
    back: float

    @property
    def slower(self) -> float:
        return min(self.faiss, self.postgres)


async def _round(data: Corpus, faiss: VectorStore, postgres: VectorStore, work: Path) -> _Round:
    rates = [await _ingested(data, store, "ingest") for store in (faiss, postgres)]
    copies = []
    for source, target in ((faiss, postgres), (postgres, faiss)):
        report = await copy(
            source, target, collection="ingest", to="copy", checkpoint=work / "checkpoint", verify=False
        )
        assert report.moved is not None
        copies.append(len(data.ids) / report.moved.seconds)
    for store in (faiss, postgres):
        for name in ("ingest", "copy"):
            await store.delete_collection(name)
    return _Round(faiss=rates[0], postgres=rates[1], there=copies[0], back=copies[1])


async def _ingested(data: Corpus, store: VectorStore, collection: str, rows: int | None = None) -> float:
    """Fill a collection; return rows a second."""
    await store.create_collection(collection, data.vectors.shape[1])
    seconds, written = 0.0, 0
    async for batch in _batches(data, collection, rows or len(data.ids)):
        started = perf_counter()
        await store.add_batch(batch)
        seconds += perf_counter() - started
        written += len(batch)
    return written / seconds


async def _batches(data: Corpus, collection: str, rows: int) -> AsyncIterator[VectorBatch]:
    for start in range(0, rows, _BATCH):
        part = slice(start, min(start + _BATCH, rows))
        yield VectorBatch(
            ids=data.ids[part],
            vectors=data.vectors[part],
            contents=data.contents[part],
            metadatas=data.metadatas[part],
            collection=collection,
        )


def _claim(key: str, copied: list[float], rounds: list[_Round]) -> Claim:
    ratios = sorted(rate / one.slower for rate, one in zip(copied, rounds, strict=True))
    faiss, postgres = (
        statistics.median(getattr(one, name) for one in rounds) for name in ("faiss", "postgres")
    )
    return claim(
        key,
        measured=statistics.median(ratios),
        spread=(ratios[len(ratios) // 4], ratios[3 * len(ratios) // 4]),
        detail=f"{statistics.median(copied):,.0f} rows/s; add_batch alone: "
        f"FAISS {faiss:,.0f}, PostgreSQL {postgres:,.0f} rows/s",
    )


async def _memory(data: Corpus, postgres: VectorStore) -> Claim:
    """Copy and compare within PostgreSQL, whose memory is a server's, in processes of their own."""
    rows = len(data.ids)
    peaks = []
    for name, count in ((_SMALL, rows // 10), (_LARGE, rows)):
        await _ingested(data, postgres, name, count)
        command = [sys.executable, "-m", "bench.transfer", address_of(postgres), name]
        run = await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True, text=True)
        peaks.append(json.loads(run.stdout)["peak"] / 2**20)
    return claim(
        "transfer.memory",
        measured=peaks[1] / peaks[0],
        detail=f"{peaks[0]:.0f} MiB for {rows // 10:,} rows, {peaks[1]:.0f} MiB for {rows:,}, "
        "beside what the program has when it is imported",
    )


async def _copied(dsn: str, name: str) -> None:
    base = _peak()
    async with open_store("postgresql", dsn=dsn, schema=_SCHEMA) as store:
        report = await copy(store, store, collection=name, to=f"{name}-copy")
        assert report.ok
    print(json.dumps({"peak": _peak() - base}))


def _peak() -> int:
    """Return the highest resident size so far."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    asyncio.run(_copied(*sys.argv[1:]))

"""What files cost: exporting to Parquet against pyarrow alone, importing against `add_batch` alone."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from bench.claims import claim
from bench.measure import paired, set_aside
from pygent_vec import SyncVectorStore, VectorBatch, open_store
from pygent_vec.transfer.files import export_documents, import_documents

if TYPE_CHECKING:
    from bench.data import Corpus
    from bench.measure import Claim, Pair

__all__ = ["measure_files"]

_BATCH = 1000
_GROUP = 10_000


def measure_files(data: Corpus, work: Path, *, rounds: int) -> list[Claim]:
    """Return what exports and imports of a FAISS store cost, in turns with the bare libraries."""
    _fill(data, work / "store", len(data.ids))
    _fill(data, work / "tenth", len(data.ids) // 10)
    set_aside()
    few = max(3, min(rounds, 7))
    return [_export(work, few), _import(data, work, few), _memory(work)]


def _export(work: Path, rounds: int) -> Claim:
    """Compare an export of an open store with pyarrow writing the same table, in the same way."""
    ours, theirs = work / "ours.parquet", work / "theirs.parquet"
    asyncio.run(_exported(work / "store", ours))
    table = pq.read_table(ours)
    rows = len(table)
    options = {"compression": "zstd", "use_dictionary": False, "row_group_size": _GROUP}

    async def turns() -> Pair:
        async with open_store("faiss", path=work / "store", background=False) as store:
            loop = asyncio.get_running_loop()

            def export() -> None:
                call = export_documents(store, ours, overwrite=True)
                asyncio.run_coroutine_threadsafe(call, loop).result()

            def write() -> None:
                pq.write_table(table, theirs, **options)

            return await asyncio.to_thread(paired, export, write, rounds=rounds, warm_up=1)

    pair = asyncio.run(turns())
    return claim(
        "files.export",
        measured=1 / pair.ratio,
        spread=(1 / pair.spread[1], 1 / pair.spread[0]),
        detail=f"{rows / pair.ours:,.0f} against {rows / pair.theirs:,.0f} documents/s, "
        f"{ours.stat().st_size / 2**20:.0f} against {theirs.stat().st_size / 2**20:.0f} MiB",
    )


def _import(data: Corpus, work: Path, rounds: int) -> Claim:
    file = work / "ours.parquet"
    rows = len(data.ids)

    def ours() -> None:
        async def run() -> None:
            async with open_store("faiss", path=work / "into", background=False) as store:
                await import_documents(str(file), store)

        asyncio.run(run())
        shutil.rmtree(work / "into")

    def theirs() -> None:
        _fill(data, work / "bare", rows)
        shutil.rmtree(work / "bare")

    pair = paired(ours, theirs, rounds=rounds, warm_up=1)
    return claim(
        "files.import",
        measured=1 / pair.ratio,
        spread=(1 / pair.spread[1], 1 / pair.spread[0]),
        detail=f"{rows / pair.ours:,.0f} against {rows / pair.theirs:,.0f} documents/s",
    )


def _memory(work: Path) -> Claim:
    few, many = (_peak(work / name, work / f"{name}.parquet") for name in ("tenth", "store"))
    return claim(
        "files.memory",
        measured=many["peak"] / few["peak"],
        detail=f"{many['peak'] / 2**20:.0f} against {few['peak'] / 2**20:.0f} MiB; "
        f"above the open store {many['export'] / 2**20:.0f} and {few['export'] / 2**20:.0f}",
    )


def _peak(store: Path, file: Path) -> dict[str, int]:
    command = [sys.executable, "-m", "bench.files", str(store), str(file)]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, int] = json.loads(run.stdout)
    return found


def _fill(data: Corpus, path: Path, rows: int) -> None:
    with SyncVectorStore(open_store("faiss", path=path, background=False)) as store:
        store.create_collection("default", data.vectors.shape[1])
        for start in range(0, rows, _BATCH):
            part = slice(start, min(start + _BATCH, rows))
            store.add_batch(
                VectorBatch(
                    ids=data.ids[part],
                    vectors=data.vectors[part],
                    contents=data.contents[part],
                    metadatas=data.metadatas[part],
                )
            )


async def _exported(store: Path, file: Path) -> None:
    async with open_store("faiss", path=store, background=False) as opened:
        await export_documents(opened, file, overwrite=True)


async def _measured(store: Path, file: Path) -> None:
    """Export in this process, and print its highest resident size: whole, and above the open store's."""
    async with open_store("faiss", path=store, background=False) as opened:
        await opened.count_documents()
        before = _highest()
        await export_documents(opened, file, overwrite=True)
        print(json.dumps({"peak": _highest(), "export": _highest() - before}))


def _highest() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    asyncio.run(_measured(Path(sys.argv[1]), Path(sys.argv[2])))

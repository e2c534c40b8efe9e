"""A process of its own that fills, indexes and searches a store, and prints the memory that it took."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from pygent_vec import F, IndexSpec, VectorBatch, VectorQuery
from pygent_vec.sync import open_store

_BATCH = 1000
_GRAPHS = {"faiss": IndexSpec("hnsw"), "postgres": IndexSpec("hnsw")}
"""The other backends have one index, and take it by themselves."""


def main(vectors: Path, settings: dict[str, Any]) -> None:
    """Fill the store of *settings* with the rows of the file *vectors*, read batch by batch."""
    shape, offset = _header(vectors)
    backend = settings.pop("backend")
    with open_store(backend, **settings) as opened:
        base = _peak()
        opened.create_collection("default", shape[1], index=_GRAPHS.get(backend))
        with vectors.open("rb") as file:
            file.seek(offset)
            for start in range(0, shape[0], _BATCH):
                rows = np.fromfile(file, np.float32, _BATCH * shape[1]).reshape(-1, shape[1])
                numbers = range(start, start + len(rows))
                opened.add_batch(
                    VectorBatch(
                        ids=[f"doc-{row}" for row in numbers],
                        vectors=rows,
                        contents=["x" * 500 for _ in numbers],
                        metadatas=[
                            {"group": row % 20, "row": row, "name": f"n{row % 1000}"} for row in numbers
                        ],
                    )
                )
        opened.optimize()
        query = np.ones(shape[1], np.float32)
        for condition in (None, F("group") == 3, F("row") < shape[0] // 2, F("name") == "n7"):
            opened.search_similar(VectorQuery(query_vector=query, metadata_filter=condition))
        print(json.dumps({"base": base, "peak": _peak() - base}))
        opened.delete_collection("default")


def _header(path: Path) -> tuple[tuple[int, int], int]:
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, _, _ = read(file)
        return (shape[0], shape[1]), file.tell()


def _peak() -> int:
    """Return the highest resident size so far: of this program, not of the one that started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))

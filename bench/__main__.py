"""`python -m bench`: measure what the project claims, print a table, and keep the figures as JSON."""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from os import cpu_count
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from bench.chroma import measure_chroma
from bench.data import corpus
from bench.embedded import measure_embedded
from bench.postgres import measure_postgres
from bench.telemetry import measure_telemetry
from bench.weight import measure_weight

if TYPE_CHECKING:
    from bench.measure import Claim

_RESULTS = Path(__file__).parent / "results"
_PACKAGES = ("pygent-vec", "pygent-vec-faiss", "faiss-cpu", "chromadb", "numpy", "orjson")


def main() -> None:
    """Run the benchmarks that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "backend",
        nargs="?",
        choices=("embedded", "chroma", "postgres", "telemetry"),
        default="embedded",
        help="what is measured: FAISS in this process (the default), Chroma, PostgreSQL, or observing FAISS",
    )
    parser.add_argument(
        "--dsn", help="of a PostgreSQL server with pgvector; without it, a private one is started"
    )
    parser.add_argument("--rows", type=int, default=100_000, help="documents (default: 100,000)")
    parser.add_argument("--dimension", type=int, default=384, help="of made-up vectors (default: 384)")
    parser.add_argument(
        "--data", type=Path, help="a directory with vectors.npz and rows.jsonl.gz (WordNet glosses)"
    )
    parser.add_argument("--quick", action="store_true", help="10,000 documents and few rounds")
    parser.add_argument("--save", metavar="NAME", help="keep the figures as bench/results/NAME.json")
    arguments = parser.parse_args()
    rows, rounds = (10_000, 15) if arguments.quick else (arguments.rows, 60)
    data = corpus(rows, dimension=arguments.dimension, source=arguments.data)
    print(
        f"{data.name}: {rows:,} x {data.vectors.shape[1]}, "
        f"{cpu_count()} cores, Python {platform.python_version()}"
    )
    with tempfile.TemporaryDirectory(prefix="pygent-vec-bench-") as work:
        if arguments.backend == "postgres":
            claims = measure_postgres(data, dsn=arguments.dsn, rounds=rounds)
        elif arguments.backend == "chroma":
            claims = measure_chroma(data, Path(work), rounds=rounds)
        elif arguments.backend == "telemetry":
            claims = measure_telemetry(data, Path(work), rounds=2 * rounds)
        else:
            claims = measure_embedded(data, Path(work), rounds=rounds) + measure_weight(rounds=5)
    _print(claims)
    if arguments.save:
        _save(arguments.save, data.name, rows, claims)


def _print(claims: list[Claim]) -> None:
    print(f"\n{'':11} {'measured':>9} {'promised':>10}")
    for claim in claims:
        sign, verdict = "<=" if claim.at_most else ">=", "holds" if claim.holds else "FALLS SHORT"
        print(f"{claim.topic:11} {claim.measured:9.3f} {sign} {claim.bound:7g}  {verdict:11}  {claim.text}")
        if claim.detail:
            print(f"{'':36}{claim.detail}")


def _save(name: str, data: str, rows: int, claims: list[Claim]) -> None:
    _RESULTS.mkdir(exist_ok=True)
    body = {
        "when": datetime.now(UTC).date().isoformat(),
        "data": data,
        "rows": rows,
        "machine": {
            "cores": cpu_count(),
            "processor": platform.machine(),
            "python": platform.python_version(),
        },
        "versions": {package: version(package) for package in _PACKAGES},
        "claims": [{**attrs.asdict(claim), "holds": claim.holds} for claim in claims],
    }
    (_RESULTS / f"{name}.json").write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()

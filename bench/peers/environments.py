"""The environments of the peers: made once, in this user's cache, by `python -m bench peers --install`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import attrs

from bench.workshop import cache_directory

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PEERS", "Peer", "install", "peer"]


@attrs.frozen(kw_only=True)
class Peer:
    """A library that people use for the same purpose, over one of our backends.

    Attributes:
        name: What reports call it.
        backend: Ours that it is compared with.
        module: Its program, `bench.peers.<module>`.
        packages: What its environment holds.
    """

    name: str
    backend: str
    module: str
    packages: tuple[str, ...]

    @property
    def python(self) -> Path:
        """The interpreter of its environment, which may not be there yet."""
        return cache_directory("peers") / self.name / "bin" / "python"


PEERS = (
    Peer(
        name="langchain-faiss",
        backend="faiss",
        module="langchain_faiss",
        packages=("langchain-community", "faiss-cpu", "numpy"),
    ),
    Peer(
        name="llamaindex-faiss",
        backend="faiss",
        module="llamaindex_faiss",
        packages=("llama-index-vector-stores-faiss", "faiss-cpu", "numpy"),
    ),
    Peer(
        name="langchain-chroma",
        backend="chroma",
        module="langchain_chroma",
        packages=("langchain-chroma", "numpy"),
    ),
    Peer(
        name="llamaindex-chroma",
        backend="chroma",
        module="llamaindex_chroma",
        packages=("llama-index-vector-stores-chroma", "numpy"),
    ),
    Peer(
        name="haystack-chroma",
        backend="chroma",
        module="haystack_chroma",
        packages=("chroma-haystack", "numpy"),
    ),
    Peer(
        name="langchain-pgvector",
        backend="postgres",
        module="langchain_pgvector",
        packages=("langchain-postgres", "psycopg[binary]", "numpy"),
    ),
    Peer(
        name="haystack-pgvector",
        backend="postgres",
        module="haystack_pgvector",
        packages=("pgvector-haystack", "psycopg[binary]", "numpy"),
    ),
    Peer(name="vecs", backend="postgres", module="vecs_pgvector", packages=("vecs", "numpy")),
    Peer(name="vd-faiss", backend="faiss", module="vd_faiss", packages=("vd", "faiss-cpu", "numpy")),
    Peer(
        name="vecport-pgvector", backend="postgres", module="vecport_pgvector", packages=("vecport", "numpy")
    ),
)


def peer(name: str) -> Peer:
    """Return the peer of that name; raises `LookupError`, which lists all."""
    for one in PEERS:
        if one.name == name:
            return one
    raise LookupError(f"no peer {name!r}; there are {', '.join(one.name for one in PEERS)}")


def install(one: Peer) -> None:
    """Make the environment of a peer anew; raises `CalledProcessError` with the installer's own words.

    Versions are those of the project's own date, `[tool.uv] exclude-newer`.
    """
    from bench.runs import ROOT

    place = one.python.parents[1]
    shutil.rmtree(place, ignore_errors=True)
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]
    tool = [sys.executable, "-m", "uv"] if shutil.which("uv") is None else ["uv"]
    subprocess.run([*tool, "venv", "--quiet", "--python", sys.executable, str(place)], check=True)
    command = [*tool, "pip", "install", "--quiet", "--python", str(one.python)]
    command += ["--exclude-newer", settings["exclude-newer"], *one.packages]
    try:
        subprocess.run(command, check=True)
    except subprocess.CalledProcessError:
        shutil.rmtree(place, ignore_errors=True)
        raise

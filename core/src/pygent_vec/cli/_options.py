"""The arguments and options that several commands share.

The command modules leave out `from __future__ import annotations`: typer reads their annotations at run time.
"""

from typing import Annotated, TypeAlias

import typer

__all__ = ["AsJson", "EmbedderName", "StoreUrl", "Traceback", "backend_names"]


def backend_names() -> list[str]:
    """Return the installed backends, for the shell's completion. Imports none of them."""
    from pygent_vec.plugin import backends

    return list(backends().offers())


def _embedder_names() -> list[str]:
    from pygent_vec.plugin import embedders

    return list(embedders().offers())


AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Write JSON to standard output, and nothing else.")
]
Traceback: TypeAlias = Annotated[
    bool, typer.Option("--traceback", help="Show where an error came from, and not its message alone.")
]
StoreUrl: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="URL",
        help="The store: a backend's name, a colon and a path, such as faiss:library or "
        "faiss:///var/lib/library. Settings may follow: faiss:library?key=value. Or the name of a store in "
        "pygent-vec.toml.",
        show_default=False,
    ),
]
EmbedderName: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--embedder",
        metavar="NAME",
        help="What turns TEXT into a vector. By default the one that the collection's metadata names "
        "under 'embedder', or else the only one that is installed.",
        autocompletion=_embedder_names,
        show_default=False,
    ),
]

"""Finding plugins by their entry points. Nothing is imported here but metadata."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from importlib_metadata import Distribution, EntryPoint

__all__ = [
    "ALIASES",
    "BACKENDS",
    "EMBEDDERS",
    "KNOWN_BACKENDS",
    "KNOWN_EMBEDDERS",
    "KNOWN_SOURCES",
    "OBSERVERS",
    "SOURCES",
    "Offer",
    "offers",
]

BACKENDS = "pygent_vec.backends"
EMBEDDERS = "pygent_vec.embedders"
OBSERVERS = "pygent_vec.observers"
SOURCES = "pygent_vec.sources"

KNOWN_BACKENDS = {
    "chromadb": "pip install pygent-vec-chroma",
    "faiss": "pip install pygent-vec-faiss",
    "postgresql": "pip install pygent-vec-postgres",
}
"""The commands that install the backends of this project."""
ALIASES = {"chroma": "chromadb", "postgres": "postgresql"}
"""Other names of the project's backends, for those who ask; a backend itself has one."""
KNOWN_EMBEDDERS = {"static": "pip install pygent-vec-embed-static"}
"""The commands that install the embedders of this project."""
KNOWN_SOURCES = {"langchain": "pip install pygent-vec-faiss", "pgvector": "pip install pygent-vec-postgres"}
"""The commands that install what reads the documents of others."""


@attrs.frozen(kw_only=True)
class Offer:
    """An entry point: a name, and who offers what under it.

    Attributes:
        name: The backend's or embedder's name.
        distribution: The distribution that offers it.
        version: Of that distribution.
        target: The plugin's module, or `module:attribute`.
        entry_point: Loads the plugin.
    """

    name: str
    distribution: str
    version: str
    target: str
    entry_point: EntryPoint = attrs.field(repr=False, eq=False)


def offers(group: str) -> dict[str, list[Offer]]:
    """Return what the installed distributions offer in an entry-point *group*, by name.

    More than one offer under a name is for the registry to refuse. A distribution whose own metadata is
    broken does not hide the others.
    """
    from importlib_metadata import Distribution

    found: dict[str, list[Offer]] = {}
    seen: set[str] = set()
    for distribution in Distribution.discover():
        entry_points = _entry_points(distribution, group)
        if not entry_points:  # most have none, and reading names and versions costs a parse each
            continue
        name, version = _named(distribution)
        one = re.sub(r"[-_.]+", "-", name).lower()
        if one in seen:  # further down the path: it is shadowed, as its modules are
            continue
        seen.add(one)
        for entry_point in entry_points:
            offer = Offer(
                name=entry_point.name,
                distribution=name,
                version=version,
                target=entry_point.value,
                entry_point=entry_point,
            )
            found.setdefault(entry_point.name, []).append(offer)
    return {name: sorted(found[name], key=lambda offer: offer.distribution) for name in sorted(found)}


def _named(distribution: Distribution) -> tuple[str, str]:
    """Return name and version of a distribution, as far as its metadata says."""
    try:
        return distribution.name, distribution.version
    except (KeyError, TypeError, AttributeError, OSError):  # MetadataNotFound is an OSError
        return f"unknown ({id(distribution)})", "unknown"


def _entry_points(distribution: Distribution, group: str) -> list[EntryPoint]:
    try:
        return list(distribution.entry_points.select(group=group))
    except (ValueError, TypeError, AttributeError, KeyError, OSError):
        return []

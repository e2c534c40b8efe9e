"""Finding plugins by their entry points. Nothing is imported here but metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from importlib_metadata import EntryPoint

__all__ = ["BACKENDS", "EMBEDDERS", "KNOWN_BACKENDS", "KNOWN_EMBEDDERS", "Offer", "offers"]

BACKENDS = "pygent_vec.backends"
EMBEDDERS = "pygent_vec.embedders"

KNOWN_BACKENDS = {
    "chromadb": "pip install pygent-vec-chroma",
    "faiss": "pip install pygent-vec-faiss",
    "postgresql": "pip install pygent-vec-postgres",
}
"""The commands that install the backends of this project."""
KNOWN_EMBEDDERS = {"static": "pip install pygent-vec-embed-static"}
"""The commands that install the embedders of this project."""


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

    More than one offer under a name is for the registry to refuse.
    """
    from importlib_metadata import entry_points

    found: dict[str, list[Offer]] = {}
    for entry_point in sorted(entry_points(group=group), key=lambda one: (one.name, one.value)):
        distribution = entry_point.dist
        offer = Offer(
            name=entry_point.name,
            distribution=distribution.name if distribution is not None else "unknown",
            version=distribution.version if distribution is not None else "unknown",
            target=entry_point.value,
            entry_point=entry_point,
        )
        group_offers = found.setdefault(entry_point.name, [])
        if offer not in group_offers:
            group_offers.append(offer)
    return found

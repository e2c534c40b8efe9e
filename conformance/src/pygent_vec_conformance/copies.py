"""Copies of a store's directory, as a crash at this moment would leave it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from pygent_vec_conformance import expect
from pygent_vec_conformance.target import Place

if TYPE_CHECKING:
    from pathlib import Path

    from pygent_vec_conformance.world import World

__all__ = ["opened_copy"]


async def opened_copy(world: World, source: Path) -> Place:
    """Return a place whose directory is a copy of *source*, the directory of the world's own place."""
    place = world.place()
    shutil.rmtree(place.directory)
    shutil.copytree(source, place.directory)
    original = str(world.here.directory)
    settings = {
        key: value.replace(original, str(place.directory)) if isinstance(value, str) else value
        for key, value in world.here.settings.items()
    }
    expect.that(settings != world.here.settings, "no setting names the directory of the store")
    return Place(directory=place.directory, settings=settings)

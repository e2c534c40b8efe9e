"""What was checked, with which versions of everything, for the report."""

from __future__ import annotations

import json
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from pygent_vec import CONTRACT_VERSION, PygentVecError
from pygent_vec.config import config_from
from pygent_vec.plugin import backends

if TYPE_CHECKING:
    from pygent_vec.contract import Capabilities
    from pygent_vec_conformance.target import StoreTarget

__all__ = ["describe"]


def describe(target: StoreTarget) -> str:
    """Return the target, its capabilities and the versions around it as JSON text."""
    return json.dumps(
        {
            "backend": target.backend,
            "settings": sorted(target.settings),
            "capabilities": _capabilities(target),
            "versions": _versions(target),
        }
    )


def _capabilities(target: StoreTarget) -> dict[str, object]:
    try:
        declared = _declared(target)
    except PygentVecError as error:
        return {"error": str(error)}
    return {name: _plain(value) for name, value in attrs.asdict(declared, recurse=False).items()}


def _declared(target: StoreTarget) -> Capabilities:
    place = target.place(Path())
    if target.factory is not None:
        return target.at(place).capabilities
    spec = target.spec()
    return spec.capabilities_of(config_from(spec, place.settings))


def _plain(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(map(str, value))
    if isinstance(value, dict):
        return {str(key): str(item) for key, item in value.items()}
    return value if isinstance(value, (bool, int)) else str(value)


def _versions(target: StoreTarget) -> dict[str, str]:
    names = ["pygent-vec", "pygent-vec-conformance", "numpy", "hypothesis", "pytest"]
    versions = {name: metadata.version(name) for name in names}
    for offer in backends().offers().get(target.backend, []):
        versions[offer.distribution] = offer.version
    return {
        "contract": str(CONTRACT_VERSION),
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "platform": platform.platform(),
        **versions,
    }

"""What is checked: a backend, and how a store of it is made in a fresh place."""

from __future__ import annotations

import uuid
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import attrs

from pygent_vec import ConfigError
from pygent_vec.config import config_from
from pygent_vec.plugin import backends
from pygent_vec.sync import SyncVectorStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pygent_vec import VectorStore
    from pygent_vec.contract import Embedder
    from pygent_vec.plugin import BackendSpec

__all__ = ["Place", "Settings", "StoreTarget"]

Settings: TypeAlias = "Mapping[str, object]"
_UNIQUE = "{unique}"


@attrs.frozen(kw_only=True)
class Place:
    """One fresh place where a store may live: its directory, and the settings that name it."""

    directory: Path
    settings: Settings


@attrs.frozen(kw_only=True)
class StoreTarget:
    """A backend under test.

    Attributes:
        backend: The backend's name, as its plugin offers it.
        settings: Settings of every store. `{unique}` in a text becomes a token of its own for each fresh
            place: a schema, a namespace, a database.
        path_setting: The setting that names a store's directory or file, for a backend that has one. Given as
            empty text in `settings`, it is left out: a store of a server, though the backend has a path too.
        factory: Makes the store from its settings; None asks the plugin. For stores that no plugin offers.
        prepare: Called with a place's settings before its first store is opened: create a database.
        dispose: Called with them after its last store was closed: drop it.
        child: `module:attribute` of this target, for a factory: a child process that is to be killed makes
            its store from there.
        kill: Kills the server without warning and starts it again; None where there is no server.
        label: What reports call it; the backend's name by default.
    """

    backend: str
    settings: Settings = attrs.field(factory=dict)
    path_setting: str = "path"
    factory: Callable[[Settings, Embedder | None], VectorStore] | None = None
    prepare: Callable[[Settings], None] | None = None
    dispose: Callable[[Settings], None] | None = None
    child: str | None = None
    kill: Callable[[], None] | None = None
    label: str = attrs.field(default=attrs.Factory(lambda self: self.backend, takes_self=True))

    def place(self, directory: Path) -> Place:
        """Return a fresh place; *directory* exists, is empty and belongs to it.

        Raises:
            ConfigError: the settings name a path, which all stores would share.
        """
        if self.has_path and self.path_setting in self.settings:
            raise ConfigError(
                f"the setting {self.path_setting!r} is given: leave it out, each check makes a new one in a "
                'temporary directory (or set path_setting="" if it does not say where a store lives)'
            )
        token = uuid.uuid4().hex[:12]
        settings: dict[str, object] = {
            key: value.replace(_UNIQUE, token) if isinstance(value, str) else value
            for key, value in self.settings.items()
            if self.has_path or key != self.path_setting
        }
        if self.has_path:
            settings[self.path_setting] = str(directory / "store")
        return Place(directory=directory, settings=settings)

    def at(self, place: Place, *, embedder: Embedder | None = None) -> VectorStore:
        """Return a store of *place*, not open yet."""
        if self.factory is not None:
            return self.factory(place.settings, embedder)
        spec = self.spec()
        return spec.store(config_from(spec, place.settings), name=None, embedder=embedder)

    def sync_at(self, place: Place) -> SyncVectorStore:
        """Return a synchronous store of *place*, not open yet."""
        return SyncVectorStore(self.at(place))

    def spec(self) -> BackendSpec:
        """Return what the plugin says of the backend."""
        return self._spec

    @cached_property
    def _spec(self) -> BackendSpec:
        """The plugin's answer, asked for once: finding plugins reads every installed distribution."""
        return backends().load(self.backend)

    @property
    def has_path(self) -> bool:
        """Whether a store of this backend lives in a directory or file that a setting names."""
        if self.settings.get(self.path_setting) == "":
            return False
        if self.factory is not None:
            return bool(self.path_setting)
        return self.path_setting in {field.name for field in attrs.fields(self.spec().config)}

"""The registry: loads one plugin at a time, when it is asked for, and keeps the others out of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Generic, TypeVar

import pluggy

from pygent_vec.contract import CONTRACT_VERSION
from pygent_vec.errors import BackendNotFoundError, ContractMismatchError, PluginLoadError, hint
from pygent_vec.plugin import _hookspecs
from pygent_vec.plugin._discovery import (
    ALIASES,
    BACKENDS,
    EMBEDDERS,
    KNOWN_BACKENDS,
    KNOWN_EMBEDDERS,
    KNOWN_SOURCES,
    SOURCES,
    Offer,
    offers,
)
from pygent_vec.plugin._spec import BackendSpec, EmbedderSpec, SourceSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DISABLED_VARIABLE", "Registry", "backends", "embedders", "sources"]

DISABLED_VARIABLE = "PYGENT_VEC_DISABLED_PLUGINS"
"""Names, separated by commas, of plugins that are not to be loaded."""

SpecT = TypeVar("SpecT", BackendSpec, EmbedderSpec, SourceSpec)


class Registry(Generic[SpecT]):
    """The plugins of one entry-point group.

    Args:
        group: The entry-point group.
        hook: The hook that its plugins implement.
        kind: The class of what that hook returns.
        noun: What a plugin offers, for messages.
        known: The commands that install the project's own.
    """

    def __init__(
        self, *, group: str, hook: str, kind: type[SpecT], noun: str, known: Mapping[str, str]
    ) -> None:
        self._group = group
        self._hook = hook
        self._kind: type[SpecT] = kind
        self._noun = noun
        self._known = known

    def offers(self) -> dict[str, list[Offer]]:
        """Return what is installed, by name, importing none of it. Disabled names are left out."""
        disabled = self._disabled()
        return {name: found for name, found in offers(self._group).items() if name not in disabled}

    def disabled(self) -> dict[str, list[Offer]]:
        """Return what is installed but disabled, by name, importing none of it."""
        disabled = self._disabled()
        return {name: found for name, found in offers(self._group).items() if name in disabled}

    def missing(self) -> dict[str, str]:
        """Return the project's own that are not installed, with the commands that install them."""
        installed = offers(self._group)
        return {name: command for name, command in self._known.items() if name not in installed}

    def load(self, name: str) -> SpecT:
        """Return what the plugin *name* offers; an alias of it will do.

        Raises:
            BackendNotFoundError: nothing is installed under this name, or it is disabled.
            PluginLoadError: the plugin is offered twice, or is broken; the cause is chained.
            ContractMismatchError: the plugin was written for another version of the contract.
        """
        installed = self.offers()
        if name not in installed:
            name = ALIASES.get(name, name)
        found = installed.get(name)
        if not found:
            raise self._not_found(name)
        if len(found) > 1:
            who = " and ".join(f"{one.distribution} {one.version} ({one.target})" for one in found)
            raise PluginLoadError(
                f"the {self._noun} {name!r} is offered by {who}; uninstall all but one of them"
            )
        return self._spec(found[0])

    def _spec(self, offer: Offer) -> SpecT:
        manager = pluggy.PluginManager(_hookspecs.PROJECT)
        manager.add_hookspecs(_hookspecs)
        try:
            manager.register(offer.entry_point.load(), name=offer.name)
            manager.check_pending()
            answers = getattr(manager.hook, self._hook)()
        except (Exception, SystemExit) as error:
            raise PluginLoadError(
                f"{self._who(offer)} could not be loaded: {type(error).__name__}: {error}. "
                f"Mend or uninstall it; set {DISABLED_VARIABLE}={offer.name} to leave it out"
            ) from error
        if len(answers) != 1 or not isinstance(answers[0], self._kind):
            raise PluginLoadError(
                f"{self._who(offer)}: its hook {self._hook}() must return one {self._kind.__name__}, "
                f"and returned {answers!r:.200}"
            )
        spec: SpecT = answers[0]
        if not isinstance(spec.contract_version, int):
            raise ContractMismatchError(
                f"{self._who(offer)}: its contract_version must be an integer, "
                f"and is {spec.contract_version!r:.80}"
            )
        if spec.contract_version != CONTRACT_VERSION:
            side = "the plugin" if spec.contract_version < CONTRACT_VERSION else "pygent-vec"
            raise ContractMismatchError(
                f"{self._who(offer)} was written for version {spec.contract_version} of the contract; "
                f"this pygent-vec has version {CONTRACT_VERSION}. Upgrade {side}"
            )
        if spec.name != offer.name:
            raise PluginLoadError(
                f"{self._who(offer)}: its hook calls the {self._noun} {spec.name!r}, "
                f"its entry point {offer.name!r}; make them agree"
            )
        return spec

    def _who(self, offer: Offer) -> str:
        return f"the {self._noun} {offer.name!r} of {offer.distribution} {offer.version} ({offer.target})"

    def _not_found(self, name: str) -> BackendNotFoundError:
        if name in self._disabled():
            return BackendNotFoundError(
                f"the {self._noun} {name!r} is disabled by {DISABLED_VARIABLE}; take it out to use it"
            )
        installed = list(self.offers())
        if name in self._known:
            return BackendNotFoundError(
                f"the {self._noun} {name!r} is not installed; install it with: {self._known[name]}. "
                f"Installed: {', '.join(installed) or 'none'}"
            )
        return BackendNotFoundError(
            f"no {self._noun} {name!r} is installed{hint(name, installed)}. "
            f"Known, not installed: {', '.join(sorted(self.missing())) or 'none'}"
        )

    def _disabled(self) -> set[str]:
        return {name.strip() for name in os.environ.get(DISABLED_VARIABLE, "").split(",")} - {""}


def backends() -> Registry[BackendSpec]:
    """Return the registry of backends."""
    return Registry(
        group=BACKENDS, hook="pygent_vec_backend", kind=BackendSpec, noun="backend", known=KNOWN_BACKENDS
    )


def embedders() -> Registry[EmbedderSpec]:
    """Return the registry of text embedders."""
    return Registry(
        group=EMBEDDERS,
        hook="pygent_vec_embedder",
        kind=EmbedderSpec,
        noun="embedder",
        known=KNOWN_EMBEDDERS,
    )


def sources() -> Registry[SourceSpec]:
    """Return the registry of what reads the documents of other programs."""
    return Registry(
        group=SOURCES, hook="pygent_vec_source", kind=SourceSpec, noun="source", known=KNOWN_SOURCES
    )

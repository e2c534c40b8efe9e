"""Observers: plugins and functions that take notice of what happens in a manager's stores."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Protocol

import pluggy

from pygent_vec.errors import PluginLoadError
from pygent_vec.model import Problem
from pygent_vec.plugin import _hookspecs
from pygent_vec.plugin._discovery import OBSERVERS, offers

if TYPE_CHECKING:
    from pygent_vec.model import OperationEvent, StoreEvent

__all__ = ["Observer", "Observers"]


class Observer(Protocol):
    """A function that takes notice of an event. It is called in any thread, and must not block."""

    def __call__(self, event: OperationEvent | StoreEvent, /) -> object:
        """Take notice of *event*."""


class Observers:
    """Tells each observer of each event. One that fails is reported, and hides nothing from the others."""

    def __init__(self) -> None:
        self._observers: list[tuple[str, Observer]] = []
        self._problems: dict[str, Problem] = {}

    @property
    def active(self) -> bool:
        """Whether anybody observes."""
        return bool(self._observers)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The observers that could not be loaded or have raised an error."""
        return tuple(self._problems.values())

    def subscribe(self, observer: Observer) -> None:
        """Call *observer* with every event."""
        self._observers.append((getattr(observer, "__qualname__", repr(observer)), observer))

    def register(self, plugin: object, name: str | None = None) -> None:
        """Call the hook `pygent_vec_event` of *plugin* with every event.

        Raises:
            PluginLoadError: it has none, or one that is not well formed.
        """
        manager = pluggy.PluginManager(_hookspecs.PROJECT)  # one for each: their errors stay apart
        manager.add_hookspecs(_hookspecs)
        try:
            known = manager.register(plugin, name=name)
            manager.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            raise PluginLoadError(f"the observer {name or plugin!r} cannot be used: {error}") from error
        hook = manager.hook.pygent_vec_event
        if not hook.get_hookimpls():
            raise PluginLoadError(
                f"the observer {known or plugin!r} has no hook pygent_vec_event; "
                "mark a function of this name with pygent_vec.plugin.hookimpl"
            )
        self._observers.append((known or repr(plugin), partial(_through, hook)))

    def load(self) -> None:
        """Register the installed observers; one that is broken is a problem of its own."""
        for name, found in offers(OBSERVERS).items():
            for offer in found:
                try:
                    self.register(offer.entry_point.load(), f"{offer.distribution}:{name}")
                except (Exception, SystemExit) as error:  # noqa: BLE001  # a plugin's import may raise anything
                    self._problems[name] = Problem(
                        what=f"the observer {name!r} of {offer.distribution} {offer.version} could not be "
                        f"loaded: {type(error).__name__}: {error}",
                        remedy=f"mend or uninstall {offer.distribution}",
                    )

    def emit(self, event: OperationEvent | StoreEvent) -> None:
        """Tell every observer."""
        for name, observer in self._observers:
            try:
                observer(event)
            except Exception as error:  # an observer must not fail the call that it observes
                if name not in self._problems:
                    logging.getLogger("pygent_vec").exception("the observer %s failed", name)
                self._problems[name] = Problem(
                    what=f"the observer {name} failed: {type(error).__name__}: {error}",
                    remedy="mend it; what it missed is lost",
                )


def _through(hook: pluggy.HookCaller, event: OperationEvent | StoreEvent) -> object:
    return hook(event=event)

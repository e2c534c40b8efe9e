"""Plugins: the hooks, what they return, how they are found and how they are loaded."""

from pygent_vec.plugin._discovery import Offer
from pygent_vec.plugin._hookspecs import hookimpl
from pygent_vec.plugin._observers import Observer, Observers
from pygent_vec.plugin._registry import DISABLED_VARIABLE, Registry, backends, embedders, sources
from pygent_vec.plugin._spec import BackendSpec, EmbedderSpec, SourceSpec, StoreFactory

__all__ = [
    "DISABLED_VARIABLE",
    "BackendSpec",
    "EmbedderSpec",
    "Observer",
    "Observers",
    "Offer",
    "Registry",
    "SourceSpec",
    "StoreFactory",
    "backends",
    "embedders",
    "hookimpl",
    "sources",
]

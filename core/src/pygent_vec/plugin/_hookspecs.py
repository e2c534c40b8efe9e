"""Every hook that a plugin may implement, in one file.

A plugin is an entry point and one decorated function:

```python
from pygent_vec.plugin import BackendSpec, hookimpl

@hookimpl
def pygent_vec_backend() -> BackendSpec: ...
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from pygent_vec.model import OperationEvent, StoreEvent
    from pygent_vec.plugin._spec import BackendSpec, EmbedderSpec, SourceSpec

__all__ = [
    "PROJECT",
    "hookimpl",
    "hookspec",
    "pygent_vec_backend",
    "pygent_vec_embedder",
    "pygent_vec_event",
    "pygent_vec_source",
]

PROJECT = "pygent_vec"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def pygent_vec_backend() -> BackendSpec:  # type: ignore[empty-body]  # a specification
    """Return the backend that this plugin offers.

    The plugin stands in the entry-point group `pygent_vec.backends`, under the backend's name. Its module
    imports no client library: that happens in `BackendSpec.store`, when a store is made.
    """


@hookspec
def pygent_vec_embedder() -> EmbedderSpec:  # type: ignore[empty-body]  # a specification
    """Return the text embedder that this plugin offers.

    The plugin stands in the entry-point group `pygent_vec.embedders`, under the embedder's name. Its module
    imports nothing heavy: that happens in `EmbedderSpec.embedder`.
    """


@hookspec
def pygent_vec_source() -> SourceSpec:  # type: ignore[empty-body]  # a specification
    """Return what reads the documents of another program, for imports.

    The plugin stands in the entry-point group `pygent_vec.sources`, under the name that users write before
    the place. Its module imports no client library: that happens in `SourceSpec.source`.
    """


@hookspec
def pygent_vec_event(event: OperationEvent | StoreEvent) -> None:
    """Take notice of what happened in a store of a manager.

    The plugin stands in the entry-point group `pygent_vec.observers`, or is given to
    `VectorStoreManager.register`. It is called in the thread where the event happens, and must not block.
    """

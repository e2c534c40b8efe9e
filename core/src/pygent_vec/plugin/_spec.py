"""What a plugin tells of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pygent_vec.contract import Capabilities, Embedder, StoreConfig, VectorStore
    from pygent_vec.transfer import Source
    from pygent_vec.transfer.files import ReadOptions, Rejections

__all__ = ["BackendSpec", "EmbedderSpec", "SourceSpec", "StoreFactory"]


class StoreFactory(Protocol):
    """Makes a store that is not open yet; imports the client library here and not before."""

    def __call__(self, config: StoreConfig, *, name: str | None, embedder: Embedder | None) -> VectorStore:
        """Return the store."""


@attrs.frozen(kw_only=True)
class BackendSpec:
    """A backend.

    Attributes:
        name: As in its entry point.
        store: Makes a store from an instance of `config`.
        config: An attrs class derived from `StoreConfig`; its fields are the settings.
        capabilities: What its stores can do; where a configuration decides, what they can do by default.
        contract_version: The `CONTRACT_VERSION` that it was written for.
        summary: One line for people.
        install_hint: The command that installs it.
        url_settings: Returns the settings that a URL `name:…` names; None means its path and query.
        capabilities_for: Returns what a store of this configuration can do; None means `capabilities`.
    """

    name: str
    store: StoreFactory
    config: type[StoreConfig]
    capabilities: Capabilities
    contract_version: int
    summary: str
    install_hint: str
    url_settings: Callable[[str], Mapping[str, object]] | None = None
    capabilities_for: Callable[[StoreConfig], Capabilities] | None = None

    def capabilities_of(self, config: StoreConfig) -> Capabilities:
        """Return what a store of *config* can do."""
        return self.capabilities if self.capabilities_for is None else self.capabilities_for(config)


@attrs.frozen(kw_only=True)
class EmbedderSpec:
    """A text embedder.

    Attributes:
        name: As in its entry point.
        embedder: Makes the embedder; loads its data here and not before.
        model: The model's name with its version.
        dimension: The length of its vectors.
        contract_version: The `CONTRACT_VERSION` that it was written for.
        summary: One line for people.
        install_hint: The command that installs it.
    """

    name: str
    embedder: Callable[[], Embedder]
    model: str
    dimension: int
    contract_version: int
    summary: str
    install_hint: str


@attrs.frozen(kw_only=True)
class SourceSpec:
    """What reads documents that another program keeps, for imports.

    Attributes:
        name: As in its entry point; `name:place` is what users write.
        source: Makes the source of a place; imports the client library here and not before. Rows that cannot
            be documents go to the rejections, with their places.
        options: Which fields of `ReadOptions` it reads; others are refused.
        contract_version: The `CONTRACT_VERSION` that it was written for.
        summary: One line for people.
        install_hint: The command that installs it.
    """

    name: str
    source: Callable[[str, ReadOptions, Rejections], Source]
    options: frozenset[str]
    contract_version: int
    summary: str
    install_hint: str

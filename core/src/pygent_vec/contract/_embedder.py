"""What turns texts into vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.model import Float32Matrix

__all__ = ["Embedder"]


@runtime_checkable
class Embedder(Protocol):
    """A text embedder. Called from worker threads, from several at once."""

    @property
    def model(self) -> str:
        """The model's name with its version: equal names promise equal vectors."""

    @property
    def dimension(self) -> int:
        """The length of its vectors."""

    def embed(self, texts: Sequence[str]) -> Float32Matrix:
        """Return float32 `[len(texts), dimension]`, in the order of *texts*."""

"""FAISS: imported in one place, and its errors translated there.

Its type stubs leave out much of what this package uses (HNSW parameters, bitmap selectors, callback
readers), so it is typed as opaque here and nowhere else.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import faiss as _faiss

from pygent_vec.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["faiss", "index_error", "index_errors"]

faiss: Any = _faiss


def index_error(error: Exception) -> BackendError:
    """Return the contract's error for one that FAISS raised; raise it `from` the original."""
    if isinstance(error, MemoryError):
        return BackendError(
            "there is not enough memory for the index; nothing that was stored is lost. "
            'Free memory, or use the index kind "flat", which keeps no copy of the vectors.'
        )
    return BackendError(
        f"FAISS says {str(error)!r}; nothing that was stored is lost. Open the store again, "
        "and the index is built anew if that is needed."
    )


@contextmanager
def index_errors() -> Iterator[None]:
    """Translate the errors of FAISS in a block.

    Raises:
        BackendError: FAISS failed.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        raise index_error(error) from error

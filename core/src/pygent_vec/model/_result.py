"""One answer of a search."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from pygent_vec.model._document import VectorDocument

__all__ = ["VectorSearchResult"]


@attrs.frozen(kw_only=True, weakref_slot=False)  # see _drafts
class VectorSearchResult:
    """A document that was found, and how near it is.

    Attributes:
        document: With the fields that the query asked for; the id and the collection always.
        similarity_score: Higher is better; see the score table.
        distance: Lower is better; see the score table.
        rank: From 1; with offset `o` the first rank is `o + 1`.
        store: The name of the store that answered.
    """

    document: VectorDocument
    similarity_score: float
    distance: float
    rank: int
    store: str

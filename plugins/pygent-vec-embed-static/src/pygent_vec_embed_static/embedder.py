"""The static embedder: a text's vector is the direction of the mean of its tokens' vectors."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from pygent_vec.errors import InvalidDocumentError, shown
from pygent_vec.model import InvalidValueError, check_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygent_vec.model import Float32Matrix
    from pygent_vec_embed_static._table import TokenTable

__all__ = ["DIMENSION", "MODEL", "StaticEmbedder"]

MODEL = "static-minilm-l6-v2-128d-v1"
"""The model's name. Another table, or other bits from the same one, get another version."""
DIMENSION = 128
_TEXTS_AT_ONCE = 1024


class StaticEmbedder:
    """Embed texts with the token vectors that travel with this package.

    The data are read at the first call. One embedder may serve any number of threads.

    >>> StaticEmbedder().embed(["compress a file", "send an email"]).shape
    (2, 128)

    Attributes:
        model: The name of the model, with its version.
        dimension: The length of a vector.
    """

    model: str = MODEL
    dimension: int = DIMENSION

    def __init__(self) -> None:
        self._loading = Lock()
        self._table: TokenTable | None = None

    def embed(self, texts: Sequence[str]) -> Float32Matrix:
        """Return the vectors of `n` *texts*: float32 `[n, 128]`, each row of norm 1.

        A vector depends on its text alone, bit for bit, and never on the rest of the batch. A text of any
        length counts whole. One without a token, such as an empty one, gets the vector of the unknown token.

        Raises:
            TypeError: *texts* is one string, or holds something that is no string.
            InvalidDocumentError: a text holds a lone surrogate or NUL.
        """
        _check(texts)
        table = self._loaded()
        vectors = np.empty((len(texts), DIMENSION), dtype=np.float32)
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            sums = table.sums(texts[start : start + _TEXTS_AT_ONCE])
            norms = np.sqrt(np.add.reduce(sums * sums, axis=1, keepdims=True))
            vectors[start : start + len(sums)] = sums / norms
        return vectors

    def _loaded(self) -> TokenTable:
        with self._loading:
            if self._table is None:
                from pygent_vec_embed_static._table import load_token_table

                self._table = load_token_table()
            return self._table


def _check(texts: Sequence[str]) -> None:
    """Refuse what is no sequence of encodable texts."""
    if isinstance(texts, str):
        raise TypeError(f"embed() takes a list of texts and not one text; write embed([{shown(texts)}])")
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"texts[{position}] is {shown(text)}, a {type(text).__name__}; give a str")
        try:
            check_text(text)
        except InvalidValueError as error:
            raise InvalidDocumentError(f"texts[{position}] {error.reason}: {shown(text)}") from error

"""The token table: a tokenizer, and one quantised vector for each token of its vocabulary."""

from __future__ import annotations

from importlib import resources
from itertools import chain
from typing import TYPE_CHECKING

import attrs
import numpy as np
from tokenizers import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["TokenTable", "load_token_table"]

_TOKENS_AT_ONCE = 4096
"""How many tokens are dequantised together: 4 MB of float64, which a processor's cache holds."""


@attrs.frozen(kw_only=True, eq=False)
class TokenTable:
    """The vectors of `t` tokens, as `weights[token] * scales[token]`.

    Attributes:
        tokenizer: Cuts a text into token numbers.
        unknown: The number of the unknown token; it stands for a text that has no token.
        weights: int8 `[t, d]`.
        scales: float64 `[t]`, each of them a float16 number.
    """

    tokenizer: Tokenizer
    unknown: int
    weights: NDArray[np.int8]
    scales: NDArray[np.float64]

    def sums(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return for each of `n` *texts* the exact sum of its tokens' vectors, float64 `[n, d]`."""
        encodings = self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        numbers = [encoding.ids or [self.unknown] for encoding in encodings]
        lengths = np.fromiter(map(len, numbers), dtype=np.intp, count=len(numbers))
        ends = np.cumsum(lengths)
        tokens = np.fromiter(chain.from_iterable(numbers), dtype=np.intp, count=int(lengths.sum()))
        sums = np.zeros((len(numbers), self.weights.shape[1]))
        for start in range(0, len(tokens), _TOKENS_AT_ONCE):
            some = tokens[start : start + _TOKENS_AT_ONCE]
            first = np.searchsorted(ends, start, side="right")
            last = np.searchsorted(ends, start + len(some), side="left") + 1
            begins = np.maximum(ends[first:last] - lengths[first:last] - start, 0)
            vectors = self.weights[some] * self.scales[some, np.newaxis]
            # A product of int8 and float16 is a whole multiple of 2**-24, here below 2**3, so float64 adds
            # 2**26 of them without rounding: neither the order of the additions nor the batch can show.
            sums[first:last] += np.add.reduceat(vectors, begins, axis=0)
        return sums


def load_token_table() -> TokenTable:
    """Read the table that travels with this package: 4 MB of files, about 20 MB of memory."""
    data = resources.files("pygent_vec_embed_static") / "data"
    tokenizer = Tokenizer.from_str((data / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    with (data / "embeddings.npz").open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        weights, scales = arrays["q"], arrays["s"].astype(np.float64)
    unknown = tokenizer.get_vocab()["[UNK]"]
    return TokenTable(tokenizer=tokenizer, unknown=unknown, weights=weights, scales=scales)

"""A matrix of NumPy, and beside it the documents in the order of its rows."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from pygent_vec.errors import ConfigError, CorruptStoreError
from pygent_vec.transfer._ends import Description
from pygent_vec.transfer.files._gathering import Gathering
from pygent_vec.transfer.files._jsonl import LineFile, fingerprint_of
from pygent_vec.transfer.files._lines import END, HEADER, RowError
from pygent_vec.transfer.files._options import ROW_NUMBERS
from pygent_vec.transfer.files._streams import STANDARD, existing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pygent_vec.transfer.files._faults import Rejections
    from pygent_vec.transfer.files._options import ReadOptions
    from pygent_vec.transfer.files._reader import Rows

__all__ = ["MatrixReader"]


class MatrixReader:
    """Reads vectors from a `.npy` file, which is mapped and never in memory as a whole.

    Args:
        name: The matrix, `[n, d]` of floats or integers.
        options: With `documents`, or with `#` as `id_column`: then a document is its row's number.
        rejections: What takes note of rows that are not taken.
    """

    noun = "row"

    def __init__(self, name: str, *, options: ReadOptions, rejections: Rejections) -> None:
        if name == STANDARD:
            raise ConfigError("a matrix is mapped into memory, so it cannot come from a pipe; save it first")
        if options.documents is None and options.id_column != ROW_NUMBERS:
            raise ConfigError(
                f"the matrix {name!r} has no ids: name the JSON Lines with its documents by documents, "
                f"or make the rows' numbers their ids with id_column={ROW_NUMBERS!r}"
            )
        self.name = name
        self.notes: list[str] = []
        self._options = options
        self._rejections = rejections
        self._documents = None if options.documents is None else LineFile(str(options.documents))

    def describe(self) -> Description:
        """Return the matrix's shape."""
        matrix = self._matrix()
        return Description(collection="", dimension=matrix.shape[1], count=len(matrix))

    def fingerprint(self) -> str | None:
        """Return the sizes and times of both files."""
        one = fingerprint_of(self.name)
        return one if self._documents is None else f"{one} {fingerprint_of(self._documents.name)}"

    def rows(self, after: int) -> Iterator[Rows]:
        """Yield the documents behind a row."""
        matrix = self._matrix()
        gathering = Gathering(
            self.name, collection=None, dimension=matrix.shape[1], rejections=self._rejections, noun=self.noun
        )
        number = 0
        for number, data in enumerate(self._each(len(matrix)), 1):
            if number > len(matrix):
                raise self._unequal(matrix, f"more than {len(matrix):,}")
            if number <= after:
                if not isinstance(data, RowError):
                    gathering.skip(data)
                continue
            if isinstance(data, RowError):
                gathering.reject(number, str(data))
            else:
                # A copy, for the file may be in another byte order, and mapped pages come and go.
                gathering.add(number, data, np.array(matrix[number - 1], dtype=np.float32))
            if len(gathering) == self._options.batch_rows and (rows := gathering.taken(number)) is not None:
                yield rows
        if number < len(matrix):
            raise self._unequal(matrix, f"{number:,}")
        if (rows := gathering.taken(number)) is not None:
            yield rows

    def close(self) -> None:
        """Let go of the files."""
        if self._documents is not None:
            self._documents.close()

    def _each(self, rows: int) -> Iterator[dict[str, object] | RowError]:
        if self._documents is None:
            for number in range(1, rows + 1):
                yield {"id": str(number)}
            return
        for place, (_, data) in zip(count(), self._documents.lines(), strict=False):
            if isinstance(data, RowError) or not ((place == 0 and HEADER in data) or END in data):
                yield data

    def _matrix(self) -> np.ndarray:
        path = existing(self.name)
        try:
            matrix: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise CorruptStoreError(
                f"{self.name!r} is no whole .npy file ({error}); save it again with numpy.save"
            ) from error
        if matrix.ndim != 2 or matrix.dtype.kind not in "fiu" or not matrix.shape[1]:  # noqa: PLR2004  # n x d
            raise ConfigError(
                f"{self.name!r} is {matrix.dtype} of shape {matrix.shape}; vectors are rows of numbers"
            )
        return matrix

    def _unequal(self, matrix: np.ndarray, documents: str) -> ConfigError:
        return ConfigError(
            f"the matrix {self.name!r} has {len(matrix):,} rows, and its documents "
            f"{self._options.documents} are {documents}; they have to correspond row by row. "
            "What was read before may be written already"
        )

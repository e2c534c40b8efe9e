"""How a file is read: what its reader has to know and cannot see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from pygent_vec.errors import ConfigError, shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["ROW_NUMBERS", "ReadOptions"]

ROW_NUMBERS = "#"
"""As the name of the id column: the rows' numbers are their ids."""


def _positive(_: object, __: object, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"batch_rows must be a positive integer, got {shown(value)}")


@attrs.frozen(kw_only=True)
class ReadOptions:
    """How a file is read. What is None is guessed where it can be, and the guess is told.

    Attributes:
        file_format: `jsonl`, `parquet` or `npy`; None means what the file's ending says.
        documents: For a matrix: the JSON Lines with its documents, in the order of its rows.
        id_column: For a table of others: the column with the ids; `#` means the numbers of the rows.
        vector_column: The column with the vectors.
        content_column: The column with the texts; empty means that there are none.
        metadata_columns: The columns that become metadata; None means all others.
        table: For a database: the table.
        batch_rows: How many documents are read together.
    """

    file_format: str | None = None
    documents: Path | None = None
    id_column: str | None = None
    vector_column: str | None = None
    content_column: str | None = None
    metadata_columns: Sequence[str] | None = None
    table: str | None = None
    batch_rows: int = attrs.field(default=1000, validator=_positive)

    def refuse(self, names: Sequence[str], what: str) -> None:
        """Refuse options that mean nothing here.

        Raises:
            ConfigError: one of *names* is given.
        """
        given = [name for name in names if getattr(self, name) is not None]
        if given:
            raise ConfigError(f"{what} has no use for {' and '.join(given)}; leave it out")

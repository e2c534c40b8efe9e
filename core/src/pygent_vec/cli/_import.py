"""`pygent-vec import`: the documents of a file into a store."""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from pygent_vec.cli._copying import identity
from pygent_vec.cli._export import counted
from pygent_vec.cli._opening import any_store, named_config
from pygent_vec.cli._options import AsJson, Traceback
from pygent_vec.cli._output import Column, errors_reported, print_command, print_json, print_line, print_table
from pygent_vec.cli._progress import progress_shown
from pygent_vec.contract import OnConflict, VectorStore
from pygent_vec.model import DistanceMetric
from pygent_vec.transfer.files import ImportReport, ReadOptions, import_documents

__all__ = ["import_"]


class _OnConflict(StrEnum):
    """What to do with ids that the store has."""

    ERROR = "error"
    OVERWRITE = "overwrite"
    SKIP = "skip"


_MODES: dict[_OnConflict, OnConflict] = {
    _OnConflict.ERROR: "error",
    _OnConflict.OVERWRITE: "overwrite",
    _OnConflict.SKIP: "skip",
}
_SHOWN = 20

_File: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="A file (.jsonl, .jsonl.gz, .jsonl.zst, .parquet, .npy), - for the standard input, "
        "pgvector:postgresql://… for a table, or langchain:… for a folder of LangChain's FAISS.",
        show_default=False,
    ),
]
_Store: TypeAlias = Annotated[
    str,
    typer.Argument(metavar="STORE", help="The store to write, made if it is not there.", show_default=False),
]
_Collection: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Where they go. By default the collection that FILE names."),
]
_Metric: TypeAlias = Annotated[
    DistanceMetric | None,
    typer.Option(help="How they are compared, where FILE does not say. By default cosine."),
]
_Dimension: TypeAlias = Annotated[
    int | None, typer.Option(help="What the vectors' length has to be.", show_default="any")
]
_Documents: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="For .npy: the JSON Lines with the documents of its rows.")
]
_Id: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME", help="The column with the ids; # for the numbers of the rows.")
]
_Vector: TypeAlias = Annotated[str | None, typer.Option(metavar="NAME", help="The column with the vectors.")]
_Content: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME", help="The column with the texts; '' for none.")
]
_Metadata: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="A,B", help="The columns that become metadata; '' for none. By default all others."),
]
_Table: TypeAlias = Annotated[str | None, typer.Option(metavar="NAME", help="For pgvector: the table.")]
_Errors: TypeAlias = Annotated[int, typer.Option(min=0, help="How many faulty rows to pass over.")]
_Checkpoint: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Remember there how far the import has come, to go on after a failure."
    ),
]
_Format: TypeAlias = Annotated[
    str | None,
    typer.Option("--format", metavar="NAME", help="jsonl, parquet or npy, where the ending is silent."),
]
_Create: TypeAlias = Annotated[
    bool, typer.Option("--create/--no-create", help="Make the collection if it is not there.")
]


def import_(
    file: _File,
    url: _Store,
    *,
    collection: _Collection = None,
    metric: _Metric = None,
    dimension: _Dimension = None,
    create: _Create = True,
    on_conflict: Annotated[
        _OnConflict, typer.Option(help="What to do with ids that STORE has.")
    ] = _OnConflict.ERROR,
    max_errors: _Errors = 0,
    id_column: _Id = None,
    vector_column: _Vector = None,
    content_column: _Content = None,
    metadata_columns: _Metadata = None,
    table: _Table = None,
    documents: _Documents = None,
    file_format: _Format = None,
    checkpoint: _Checkpoint = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every row, and write nothing.")] = False,
    as_json: AsJson = False,
    traceback: Traceback = False,
) -> None:
    """Write the documents of a file into a store.

    What an export has written comes back as it was, timestamps included. Of other tables the columns are
    guessed, and the summary says how. A faulty row is named with its place and ends the import; what was
    written before stays, and the same command with --on-conflict skip goes on behind it.
    """
    columns = None if metadata_columns is None else [one for one in metadata_columns.split(",") if one]
    with errors_reported(traceback=traceback):
        options = ReadOptions(
            file_format=file_format,
            documents=documents,
            id_column=id_column,
            vector_column=vector_column,
            content_column=content_column,
            metadata_columns=columns,
            table=table,
        )

        async def work(store: VectorStore) -> ImportReport:
            async with store:
                with progress_shown() as show:
                    return await import_documents(
                        file,
                        store,
                        collection=collection,
                        metric=metric,
                        dimension=dimension,
                        create=create,
                        on_conflict=_MODES[on_conflict],
                        max_errors=max_errors,
                        options=options,
                        checkpoint=checkpoint,
                        dry_run=dry_run,
                        on_progress=lambda done, total: show(f"importing {file}", done, total),
                        name=identity(url),
                    )

        with _target(url, dry_run=dry_run) as store:
            _show(asyncio.run(work(store)), as_json=as_json)


@contextmanager
def _target(url: str, *, dry_run: bool) -> Iterator[VectorStore]:
    """Give the store, not open yet; a dry run makes none where there is none."""
    path = getattr(named_config(url), "path", None)
    if not dry_run or not isinstance(path, (str, os.PathLike)) or Path(path).exists():
        yield any_store(url).store
        return
    with tempfile.TemporaryDirectory(prefix="pygent-vec-dry-run-") as scratch:
        yield any_store(url, path=Path(scratch) / "store").store


def _show(report: ImportReport, *, as_json: bool) -> None:
    if as_json:
        print_json(report.to_dict())
        return
    if report.dry_run:
        print_command(f"{counted(report.documents)} of {report.source} can be written into {report.target}")
    else:
        skipped = report.documents - report.written
        more = f", {skipped:,} were there or are from an earlier run" if skipped else ""
        print_command(
            f"{counted(report.written)} of {report.source} written into {report.target} "
            f"({report.seconds:.1f} s){more}"
        )
    for note in report.notes:
        print_line(f"Note: {note}")
    if report.rejected:
        print_line(f"Not taken: {report.rejected:,} of the rows", style="yellow")
        rows = [(one.place, one.id or "", one.reason) for one in report.rejections[:_SHOWN]]
        print_table([Column("Place"), Column("Id"), Column("Reason")], rows)
        if report.rejected > len(rows):
            print_line(f"… and {report.rejected - len(rows):,} more; --json lists the first hundred")

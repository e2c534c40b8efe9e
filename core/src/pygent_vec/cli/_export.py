"""`pygent-vec export`: the documents of a collection into a file."""

import asyncio
import sys
from collections.abc import Mapping
from typing import Annotated, TypeAlias

import typer

from pygent_vec.cli._copying import identity
from pygent_vec.cli._opening import existing_store
from pygent_vec.cli._options import AsJson, StoreUrl, Traceback
from pygent_vec.cli._output import byte_count, clean, errors_reported, print_command, print_json, print_line
from pygent_vec.cli._progress import progress_shown
from pygent_vec.cli._values import json_object
from pygent_vec.contract import VectorStore, default_collection_of
from pygent_vec.errors import ConfigError
from pygent_vec.transfer.files import ExportReport, export_documents

__all__ = ["counted", "export"]

_STANDARD = "-"

_File: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="The file: .jsonl, .jsonl.gz, .jsonl.zst or .parquet; - is the standard output.",
        show_default=False,
    ),
]
_Collection: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The collection. By default the store's default one, or its only one."),
]
_Where: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="JSON", help='Which documents, such as \'{"year": {"$gte": 2020}}\'.'),
]
_Format: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--format", metavar="NAME", help="jsonl or parquet, where the file's ending does not say it."
    ),
]


def export(
    url: StoreUrl,
    file: _File,
    *,
    collection: _Collection = None,
    where: _Where = None,
    file_format: _Format = None,
    base64: Annotated[
        bool, typer.Option("--base64", help="Write the vectors of JSON Lines as base64 of float32.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE if it exists.")] = False,
    as_json: AsJson = False,
    traceback: Traceback = False,
) -> None:
    """Write the documents of a collection to a file.

    With their vectors, metadata and timestamps, bit for bit, so that `pygent-vec import` restores them
    anywhere. The file appears when it is whole: a failure leaves nothing of it.
    """
    condition = None if where is None else json_object(where, "--where", example='{"year": {"$gte": 2020}}')
    with errors_reported(traceback=traceback):
        store = existing_store(url).store
        work = _exported(
            store,
            file,
            collection=collection,
            where=condition,
            file_format=file_format,
            base64=base64,
            overwrite=overwrite,
            name=identity(url),
        )
        _show(asyncio.run(work), as_json=as_json)


async def _exported(
    store: VectorStore,
    file: str,
    *,
    collection: str | None,
    where: Mapping[str, object] | None,
    file_format: str | None,
    base64: bool,
    overwrite: bool,
    name: str,
) -> ExportReport:
    async with store:
        chosen = collection or await _only_collection(store, name)
        with progress_shown() as show:
            return await export_documents(
                store,
                file,
                collection=chosen,
                where=where,
                file_format=file_format,
                as_base64=base64,
                overwrite=overwrite,
                on_progress=lambda done, total: show(f"exporting {chosen}", done, total),
                name=name,
            )


async def _only_collection(store: VectorStore, name: str) -> str:
    known = await store.list_collections()
    default = default_collection_of(store)
    if default in known:
        return default
    if len(known) == 1:
        return known[0]
    if not known:
        raise ConfigError(f"the store {name!r} has no collections")
    raise ConfigError(
        f"the store {name!r} has several collections; choose with --collection: {', '.join(known)}"
    )


def _show(report: ExportReport, *, as_json: bool) -> None:
    if report.file == _STANDARD:
        sys.stderr.write(clean(f"{counted(report.documents)} of {report.source}") + "\n")
    elif as_json:
        print_json(report.to_dict())
    else:
        print_command(
            f"{counted(report.documents)} of {report.source} in {report.file} "
            f"({byte_count(report.bytes)}, {report.seconds:.1f} s)"
        )
        for note in report.notes:
            print_line(f"Note: {note}")


def counted(documents: int) -> str:
    """Return how many documents there are, in words.

    >>> counted(1), counted(2500)
    ('1 document', '2,500 documents')
    """
    return f"{documents:,} document{'' if documents == 1 else 's'}"

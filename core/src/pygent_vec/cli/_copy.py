"""`pygent-vec copy`: a collection, or all of them, from one store into another."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from pygent_vec.cli._copying import Order, carry_out
from pygent_vec.cli._options import AsJson, Traceback
from pygent_vec.cli._output import FAILURE, errors_reported
from pygent_vec.cli._values import json_object

__all__ = ["copy"]


class _OnConflict(StrEnum):
    """What to do with ids that the target has."""

    ERROR = "error"
    OVERWRITE = "overwrite"
    SKIP = "skip"


_Source: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE", help="The store to read: a URL, or a name in pygent-vec.toml.", show_default=False
    ),
]
_Target: TypeAlias = Annotated[
    str,
    typer.Argument(metavar="TARGET", help="The store to write, made if it is not there.", show_default=False),
]
_Collection: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME", help="The collection to copy. By default every one.")
]
_To: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME", help="Its name in TARGET. By default the same.")
]
_Where: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="JSON", help='Which documents, such as \'{"year": {"$gte": 2020}}\'.'),
]
_Checkpoint: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Where to remember how far the copy has come. By default in the user's state directory.",
    ),
]
_Conflict: TypeAlias = Annotated[_OnConflict, typer.Option(help="What to do with ids that TARGET has.")]
_BatchSize: TypeAlias = Annotated[
    int | None, typer.Option(help="Documents of a batch. By default so many that it has about 4 MiB.")
]
_RateLimit: TypeAlias = Annotated[float | None, typer.Option(help="The most documents a second.")]
_DryRun: TypeAlias = Annotated[
    bool, typer.Option("--dry-run", help="Check everything that can be checked, and write nothing.")
]
_NoVerify: TypeAlias = Annotated[
    bool, typer.Option("--no-verify", help="Do not compare both sides afterwards.")
]


def copy(
    source: _Source,
    target: _Target,
    *,
    collection: _Collection = None,
    to: _To = None,
    where: _Where = None,
    on_conflict: _Conflict = _OnConflict.ERROR,
    batch_size: _BatchSize = None,
    rate_limit: _RateLimit = None,
    checkpoint: _Checkpoint = None,
    dry_run: _DryRun = False,
    no_verify: _NoVerify = False,
    as_json: AsJson = False,
    traceback: Traceback = False,
) -> None:
    """Copy collections from one store into another.

    Then both sides are compared. Documents keep their ids, timestamps and the bits of their vectors. A copy
    that was interrupted, at any instant, goes on when the same command is given again. The exit status is 1
    if both sides differ.
    """
    if collection is None and (to is not None or where is not None):
        raise typer.BadParameter("needs --collection", param_hint="--to" if to is not None else "--where")
    example = '{"year": {"$gte": 2020}}'
    order = Order(
        source=source,
        target=target,
        collection=collection,
        to=to,
        where=None if where is None else json_object(where, "--where", example=example),
        on_conflict=on_conflict.value,
        batch_size=batch_size,
        rate_limit=rate_limit,
        checkpoint=checkpoint,
        dry_run=dry_run,
        verify=not no_verify,
    )
    with errors_reported(traceback=traceback):
        same = carry_out(order, as_json=as_json)
    if not same:
        raise typer.Exit(FAILURE)

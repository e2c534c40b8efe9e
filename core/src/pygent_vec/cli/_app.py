"""The application: every command by its name, and what holds for all of them."""

from typing import Annotated

import typer

from pygent_vec._about import __version__
from pygent_vec.cli._backends import backends
from pygent_vec.cli._conformance import conformance
from pygent_vec.cli._copy import copy
from pygent_vec.cli._demo import demo
from pygent_vec.cli._doctor import doctor
from pygent_vec.cli._examples import examples
from pygent_vec.cli._export import export
from pygent_vec.cli._import import import_
from pygent_vec.cli._new_plugin import new_plugin
from pygent_vec.cli._search import search
from pygent_vec.cli._stores import collections, stats
from pygent_vec.contract import CONTRACT_VERSION

__all__ = ["application"]


def application() -> typer.Typer:
    """Return the command `pygent-vec` with all that is below it."""
    app = typer.Typer(
        name="pygent-vec",
        no_args_is_help=True,
        # A manual page without boxes, for pipes and pagers too; and rich would be half of the time it takes.
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(epilog=examples())(pygent_vec)
    everyday = (demo, backends, doctor, collections, stats, search, copy, export, import_)
    for command in (*everyday, conformance, new_plugin):
        name = command.__name__.rstrip("_").replace("_", "-")
        app.command(name, epilog=examples(command.__name__))(command)
    return app


def pygent_vec(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=lambda asked: _show_version(asked=asked),
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    """Look into vector stores, search them, and prove that their backends keep the contract.

    A store is named by a URL: a backend's name, a colon and a path, such as faiss:library; or by the
    name that it has in pygent-vec.toml. Every command writes JSON with --json, and says with --help
    what it can do.

    Exit status: 0 if all went well, 1 for an error (its message is on standard error), 2 for a
    command line that does not make sense, 130 if interrupted.
    """


def _show_version(*, asked: bool) -> None:
    if asked:
        typer.echo(f"pygent-vec {__version__} (contract version {CONTRACT_VERSION})")
        raise typer.Exit

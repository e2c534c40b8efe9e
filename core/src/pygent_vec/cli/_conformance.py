"""`pygent-vec conformance`: whether a backend keeps the contract. The suite is a distribution of its own."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from pygent_vec.cli._options import AsJson, Traceback, backend_names
from pygent_vec.cli._output import errors_reported, print_json, print_line
from pygent_vec.errors import ConfigError
from pygent_vec.plugin import backends

if TYPE_CHECKING:
    from collections.abc import Callable

    from pygent_vec_conformance.verdict import Verdict

__all__ = ["Profile", "conformance"]


class Profile(StrEnum):
    """How much the suite does."""

    QUICK = "quick"
    FULL = "full"
    SOAK = "soak"


_Name: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="The backend to check, as `pygent-vec backends` lists it.",
        autocompletion=backend_names,
        show_default=False,
    ),
]
_Settings: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE",
        help="A setting of every store that is made, such as a server's address. May be given again. "
        "{unique} in it becomes another token for each store.",
        show_default=False,
    ),
]


def conformance(
    name: _Name,
    *,
    profile: Annotated[
        Profile, typer.Option(help="How much to do: quick takes seconds, full minutes, soak hours.")
    ] = Profile.QUICK,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write the report here: JSON, Markdown, HTML and a badge.", show_default=False
        ),
    ] = None,
    setting: _Settings = None,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="EXPRESSION",
            help="Run only checks whose names match, as with pytest -k; the verdict is then partial.",
            show_default=False,
        ),
    ] = None,
    shrink: Annotated[
        bool, typer.Option(help="Make a random example that fails small before it is reported.")
    ] = True,
    as_json: AsJson = False,
    traceback: Traceback = False,
) -> None:
    """Check whether a backend keeps the contract.

    The suite makes stores in temporary places, one for each check, and never touches another store.
    It is a distribution of its own: pip install pygent-vec-conformance.

    Exit status: 0 if every check passed or was refused as declared, 1 if one failed, 2 if not all ran.
    """
    settings = dict(map(_key_and_value, setting or ()))
    with errors_reported(traceback=traceback):
        run = _suite()
        verdict = run(
            backends().load(name).name,
            settings,
            profile=profile.value,
            report_dir=report,
            only=only,
            shrink=shrink,
        )
        if as_json:
            print_json(json.loads(verdict.to_json()))
        else:
            _print_verdict(verdict, report)
        raise typer.Exit(verdict.exit_code)


def _key_and_value(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise typer.BadParameter(f"{text!r} is not KEY=VALUE", param_hint="--setting")
    return key, value


def _suite() -> "Callable[..., Verdict]":
    try:
        from pygent_vec_conformance.runner import run
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the conformance suite cannot be used: {error}. "
            "Install it with: pip install pygent-vec-conformance"
        ) from error
    return run


def _print_verdict(verdict: "Verdict", report: Path | None) -> None:
    from pygent_vec_conformance.report import summary

    print_line("\n".join(summary(verdict)))
    if report is not None:
        print_line(f"\nThe report is in {report}.")

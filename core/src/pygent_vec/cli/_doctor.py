"""`pygent-vec doctor`: the configured stores, their health and sizes, and how to mend what is wrong."""

from pathlib import Path
from typing import Annotated

import typer

from pygent_vec.cli._options import AsJson, Traceback
from pygent_vec.cli._output import FAILURE, errors_reported, print_json
from pygent_vec.model import HealthStatus

__all__ = ["doctor"]


def doctor(
    config: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="The configuration; by default the pygent-vec.toml that is found from here upwards.",
            show_default=False,
        ),
    ] = None,
    *,
    deadline: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS", help="How long each store may take; by default as configured.", min=0.001
        ),
    ] = None,
    as_json: AsJson = False,
    traceback: Traceback = False,
) -> None:
    """Examine the health and sizes of the configured stores.

    What is wrong is shown with its remedy. Every store is opened, at the same time as the others; none
    is made. Environment variables PYGENT_VEC_... count as they do for an application.

    Exit status: 0 if all is well, 1 if something is not.
    """
    with errors_reported(traceback=traceback):
        import asyncio

        from pygent_vec.cli._doctor_report import examined, findings_json, print_findings

        findings = asyncio.run(examined(config, deadline))
        if as_json:
            print_json(findings_json(findings))
        else:
            print_findings(findings)
        if findings.health.status is not HealthStatus.HEALTHY:
            raise typer.Exit(FAILURE)

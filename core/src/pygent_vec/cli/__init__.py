"""The command line: one module for each group of commands. Importing it imports nothing heavy."""

from __future__ import annotations

import io
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command `pygent-vec` with the arguments of this process, and end the process."""
    try:
        from pygent_vec.cli._app import application

        if isinstance(sys.stdout, io.TextIOWrapper):
            # A document may hold letters that this terminal cannot show; that must not end the listing.
            sys.stdout.reconfigure(errors="replace")
        application()(prog_name="pygent-vec")
    except KeyboardInterrupt:  # before a command has begun, and so can report it
        sys.exit(130)

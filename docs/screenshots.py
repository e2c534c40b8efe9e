"""Draws what the commands print: `python docs/screenshots.py` writes docs/images/*.svg.

The commands run as they do in a terminal of 100 columns, on the demo's own store.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

IMAGES = Path(__file__).parent / "images"
COLUMNS = 100
_FETCHED = re.compile(r"@font-face \{.*?\}|<!--.*?-->", re.DOTALL)
"""What a picture would fetch from elsewhere when it is shown, and what it says of its maker."""
SHOTS = {
    "search": ["search", "faiss:library", "stdlib", "open a compressed file", "--limit", "5"],
    "copy": ["copy", "faiss:library", "chroma:moved", "--collection", "stdlib"],
    "backends": ["backends"],
}


def main() -> None:
    """Make the demo's store, run each command, and draw its output."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        printed(["demo", "--path", "library"], place)
        for name, arguments in SHOTS.items():
            draw(IMAGES / f"{name}.svg", arguments, printed(arguments, place))


def printed(arguments: list[str], place: str) -> str:
    """Return what a command prints into a terminal."""
    run = subprocess.run(  # noqa: S603  # our own words
        [sys.executable, "-m", "pygent_vec", *arguments],
        cwd=place,
        env={**os.environ, "FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # bars of progress
        check=True,
        text=True,
    )
    return run.stdout


def draw(path: Path, arguments: list[str], output: str) -> None:
    """Write a picture of a terminal in which a command was run."""
    words = " ".join(f"'{one}'" if " " in one else one for one in arguments)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True)
        console.print(Text(f"$ pygent-vec {words}", style="bold"))
        console.print(Text.from_ansi(output.rstrip()))
        picture = console.export_svg(title="pygent-vec", unique_id=path.stem)
    path.write_text(_FETCHED.sub("", picture), encoding="utf-8")


if __name__ == "__main__":
    main()

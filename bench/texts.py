"""Real sentences that every installation has: the docstrings of the standard library and of NumPy."""

from __future__ import annotations

import ast
import json
import platform
import re
import sysconfig
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.workshop import cache_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["sentences"]

_BREAKS = re.compile(r"(?<=[.!?])\s+|\n\s*\n")
_SHORTEST, _LONGEST = 20, 400
_NODES = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def sentences() -> list[tuple[str, str]]:
    """Return the package and the text of each sentence, once, in the order of the files' names.

    The sources are read and not imported. Tests are left out. What was read once is kept in the cache.
    """
    kept = cache_directory("texts") / f"python-{platform.python_version()}-numpy-{np.__version__}.json"
    if not kept.exists():
        kept.write_text(json.dumps(_read()), encoding="utf-8")
    return [(package, text) for package, text in json.loads(kept.read_text(encoding="utf-8"))]


def _read() -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for path, package in _sources():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(path.read_bytes())
        for node in ast.walk(tree):
            if isinstance(node, _NODES):
                for part in _BREAKS.split(ast.get_docstring(node) or ""):
                    text = " ".join(part.split())
                    if _SHORTEST <= len(text) <= _LONGEST:
                        found.setdefault(text, package)
    return [(package, text) for text, package in found.items()]


def _sources() -> Iterator[tuple[Path, str]]:
    library = Path(sysconfig.get_paths()["stdlib"])
    for root, name in ((library, ""), (Path(np.__file__).parent, "numpy")):
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root).parts
            if not {"test", "tests", "site-packages", "lib2to3", "bad_coding"} & set(parts):
                yield path, name or parts[0].removesuffix(".py")

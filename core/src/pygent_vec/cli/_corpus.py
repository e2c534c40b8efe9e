"""The demo's corpus: the docstrings of the running Python's own standard library, read and never imported."""

from __future__ import annotations

import ast
import sys
import sysconfig
import warnings
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import attrs

from pygent_vec.model import InvalidValueError, check_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pygent_vec.model import JsonObject

__all__ = ["Kind", "Passage", "standard_library_docstrings"]

Kind: TypeAlias = Literal["module", "class", "function", "method"]

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_Definition: TypeAlias = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
_LEFT_OUT = frozenset(
    ("distutils", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "test", "tests", "turtledemo")
)


@attrs.frozen(kw_only=True)
class Passage:
    """One docstring, and what is known of the thing that it describes.

    Attributes:
        name: The qualified name, such as `gzip.compress`; unique in the corpus.
        kind: What it describes.
        module: The module that defines it.
        package: The first part of the module's name.
        text: The docstring, without its indentation.
        public: Whether no part of the name begins with an underscore.
        words: How many words the docstring has.
        lines: How many lines of source the definition has.
        arguments: The names of a function's or method's arguments, without `self` and `cls`.
    """

    name: str
    kind: Kind
    module: str
    package: str
    text: str
    public: bool
    words: int
    lines: int
    arguments: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """The name and the docstring's first paragraph: what to embed, for a long text blurs its subject."""
        paragraph = takewhile(str.strip, self.text.strip().splitlines())
        return "\n".join((self.name, *paragraph))

    def metadata(self) -> JsonObject:
        """Return all but the name and the text, as a document's metadata."""
        return {
            "kind": self.kind,
            "module": self.module,
            "package": self.package,
            "public": self.public,
            "words": self.words,
            "lines": self.lines,
            "arguments": list(self.arguments),
        }


def standard_library_docstrings(root: Path | None = None) -> list[Passage]:
    """Return the docstrings of the standard library, by module name and then in the order of the source.

    Tests, installed packages and Python's own tools are left out, and so are files that cannot be read
    or parsed. Where a name is defined more than once, the first docstring stands.

    Args:
        root: The folder of the library; None means that of the running Python.
    """
    folder = Path(sysconfig.get_path("stdlib")) if root is None else root
    passages: dict[str, Passage] = {}
    for module, path in sorted(_modules(folder)):
        for passage in _passages_of_file(module, path):
            passages.setdefault(passage.name, passage)
    return list(passages.values())


def _modules(root: Path) -> Iterator[tuple[str, Path]]:
    for path in _entries(root):
        if path.stem in sys.stdlib_module_names and path.name not in _LEFT_OUT:
            yield from _module_tree(path.stem, path)


def _module_tree(name: str, path: Path) -> Iterator[tuple[str, Path]]:
    """Yield the modules at *path*: one file, or a package with all that is in it."""
    if path.suffix == ".py":
        yield name, path
        return
    if not (path / "__init__.py").is_file():
        return
    yield name, path / "__init__.py"
    for entry in _entries(path):
        if entry.name not in _LEFT_OUT and entry.stem != "__init__":
            yield from _module_tree(f"{name}.{entry.stem}", entry)


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _passages_of_file(module: str, path: Path) -> list[Passage]:
    try:
        source = path.read_bytes()
        with warnings.catch_warnings():
            # Another program's doubtful escape sequences are no news to the user of a demo.
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
        return [
            *_passage(tree, name=module, kind="module", module=module, lines=len(source.splitlines())),
            *_definitions(tree.body, prefix=module, module=module),
        ]
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        # The parser reports a source that is nested too deeply by either of the last two.
        return []


def _definitions(
    body: Iterable[ast.stmt], *, prefix: str, module: str, inside: bool = False
) -> Iterator[Passage]:
    """Yield the passages of the classes and functions in *body*, but not of functions inside of functions."""
    for node in body:
        if isinstance(node, (ast.ClassDef, *_FUNCTIONS)):
            name = f"{prefix}.{node.name}"
            yield from _passage(
                node, name=name, kind=_kind(node, inside=inside), module=module, lines=_lines(node)
            )
            if isinstance(node, ast.ClassDef):
                yield from _definitions(node.body, prefix=name, module=module, inside=True)
        elif isinstance(node, (ast.If, ast.Try)):
            for branch in (node.body, node.orelse, *_further_branches(node)):
                yield from _definitions(branch, prefix=prefix, module=module, inside=inside)


def _further_branches(node: ast.If | ast.Try) -> list[list[ast.stmt]]:
    if isinstance(node, ast.If):
        return []
    return [*(handler.body for handler in node.handlers), node.finalbody]


def _kind(node: _Definition, *, inside: bool) -> Kind:
    if isinstance(node, ast.ClassDef):
        return "class"
    return "method" if inside else "function"


def _lines(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _passage(node: _Definition, *, name: str, kind: Kind, module: str, lines: int) -> Iterator[Passage]:
    """Yield the passage of *node*, or nothing where it has no docstring that a store can keep."""
    text = ast.get_docstring(node)
    if not text:
        return
    try:
        check_text(text)
    except InvalidValueError:
        return
    yield Passage(
        name=name,
        kind=kind,
        module=module,
        package=module.partition(".")[0],
        text=text,
        public=not any(part.startswith("_") for part in name.split(".")),
        words=len(text.split()),
        lines=lines,
        arguments=_arguments(node),
    )


def _arguments(node: _Definition) -> tuple[str, ...]:
    if not isinstance(node, _FUNCTIONS):
        return ()
    given = node.args
    all_of_them = [*given.posonlyargs, *given.args, given.vararg, *given.kwonlyargs, given.kwarg]
    return tuple(one.arg for one in all_of_them if one is not None and one.arg not in {"self", "cls"})

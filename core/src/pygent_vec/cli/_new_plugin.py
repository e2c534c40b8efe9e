"""`pygent-vec new-plugin`: a package for a backend of one's own, complete but for the primitives."""

import re
import shlex
from importlib.resources import files
from pathlib import Path
from typing import Annotated, TypeAlias

import attrs
import typer

from pygent_vec.cli._options import AsJson, Traceback
from pygent_vec.cli._output import errors_reported, print_command, print_json, print_line
from pygent_vec.contract import CONTRACT_VERSION
from pygent_vec.errors import ConfigError, shown
from pygent_vec.plugin import backends

__all__ = ["new_plugin"]

_PREFIX = "pygent-vec-"
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 40
_RESERVED = frozenset({"chroma", "conformance", "embed-static", "postgres"})
"""Names that distributions of the project have, beside those of its backends."""
_FILES = (
    (".github/workflows/test.yml", "workflow.yml"),
    (".gitignore", "gitignore"),
    ("LICENSE", "LICENSE"),
    ("README.md", "README.md"),
    ("pyproject.toml", "pyproject.toml"),
    ("src/@MODULE@/__init__.py", "init.py"),
    ("src/@MODULE@/config.py", "config.py"),
    ("src/@MODULE@/filters.py", "filters.py"),
    ("src/@MODULE@/plugin.py", "plugin.py"),
    ("src/@MODULE@/py.typed", ""),
    ("src/@MODULE@/store.py", "store.py"),
    ("tests/test_conformance.py", "conformance_test.py"),
    ("tests/test_plugin.py", "plugin_test.py"),
)
"""What is written, and the template of each in `scaffold/`; an empty file has none."""

_Name: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="The backend's name, as in open_store(NAME): letters, digits and dashes. Capitals become small, "
        "underscores dashes, and a leading 'pygent-vec-' is taken off.",
        show_default=False,
    ),
]
_Directory: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Where to write the package: a new or empty directory. By default pygent-vec-NAME.",
        show_default=False,
    ),
]


@attrs.frozen(kw_only=True)
class _Package:
    """The names of a plugin's package, of which each follows from the backend's."""

    name: str

    @property
    def distribution(self) -> str:
        return f"{_PREFIX}{self.name}"

    @property
    def module(self) -> str:
        return self.distribution.replace("-", "_")

    def filled(self, text: str) -> str:
        """Return a template's text, or a path, with the names in it."""
        words = {
            "@CLASS@": "".join(part.capitalize() for part in self.name.split("-")),
            "@CONTRACT_VERSION@": str(CONTRACT_VERSION),
            "@DISTRIBUTION@": self.distribution,
            "@MODULE@": self.module,
            "@NAME@": self.name,
        }
        for word, value in words.items():
            text = text.replace(word, value)
        return text


def new_plugin(
    name: _Name, *, directory: _Directory = None, as_json: AsJson = False, traceback: Traceback = False
) -> None:
    """Write a package for a new backend.

    It is complete but for the backend's primitives. It can be installed at once, is found by `pygent-vec
    backends`, and its tests run: they fail where there is code to write, and the failure says which
    section of the guide "Writing a backend" tells how.
    """
    with errors_reported(traceback=traceback):
        package = _Package(name=_checked_name(name))
        place = Path(package.distribution) if directory is None else directory
        written = _write(package, place)
        path = str(place) if place.is_absolute() else f"./{place}"
        following = [
            f"python -m pip install -e {shlex.quote(f'{path}[test]')}",
            f"pygent-vec conformance {package.name}",
        ]
        if as_json:
            print_json(
                {
                    "name": package.name,
                    "distribution": package.distribution,
                    "module": package.module,
                    "directory": str(place),
                    "files": written,
                    "next": following,
                }
            )
            return
        print_line(f"{package.distribution} is in {place}: {len(written)} files. Go on with:")
        for command in following:
            print_command(f"  {command}")
        print_line(f"and write the primitives in src/{package.module}/store.py, from top to bottom.")


def _checked_name(name: str) -> str:
    """Return the backend's name that *name* means.

    Raises:
        ConfigError: it is no name, or taken.
    """
    wanted = re.sub(r"[-_]+", "-", name.strip().lower()).removeprefix(_PREFIX)
    if not _NAME.fullmatch(wanted) or len(wanted) > _LONGEST:
        raise ConfigError(
            f"{shown(name)} is no name for a backend: use letters, digits and single dashes, beginning with "
            f"a letter, {_LONGEST} at most, such as my-store"
        )
    registry = backends()
    taken = {*registry.offers(), *registry.disabled(), *registry.missing()}
    if wanted in taken | _RESERVED:
        raise ConfigError(
            f"the name {wanted!r} is taken: by a backend that is installed, or by this project; "
            "choose another one"
        )
    return wanted


def _write(package: _Package, place: Path) -> list[str]:
    """Write the files into *place*, and return their paths below it.

    Raises:
        ConfigError: something is there.
    """
    if place.exists() and not (place.is_dir() and next(place.iterdir(), None) is None):
        raise ConfigError(
            f"{str(place)!r} exists and is not an empty directory; choose another with --directory"
        )
    templates = files("pygent_vec") / "scaffold"
    written = []
    for path, template in _FILES:
        text = (templates / f"{template}.tmpl").read_text(encoding="utf-8") if template else ""
        target = place / package.filled(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(package.filled(text), encoding="utf-8")
        written.append(package.filled(path))
    return written

"""The configuration file: where it is found, and how it is read."""

from __future__ import annotations

import os
from pathlib import Path

from pygent_vec.errors import ConfigError

__all__ = ["CONFIG_VARIABLE", "FILE_NAME", "find_file", "read_file"]

FILE_NAME = "pygent-vec.toml"
CONFIG_VARIABLE = "PYGENT_VEC_CONFIG"
"""Names the configuration file, instead of looking for it."""

_PROJECT_FILE = "pyproject.toml"
_TABLE = "pygent-vec"


def find_file(directory: Path) -> Path | None:
    """Return the configuration file that counts in *directory*, or None.

    The one that the environment names; else `pygent-vec.toml`, or `pyproject.toml` with a table
    `[tool.pygent-vec]`, in *directory* or the nearest one above; else the user's own.

    Raises:
        ConfigError: the environment names a file that is not there.
    """
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            raise ConfigError(f"{CONFIG_VARIABLE}={named}: there is no such file; correct or unset it")
        return path
    for place in (directory, *directory.parents):
        if (place / FILE_NAME).is_file():
            return place / FILE_NAME
        project = place / _PROJECT_FILE
        if project.is_file() and _project_table(_parsed(project)) is not None:
            return project
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    own = home / "pygent-vec" / FILE_NAME
    return own if own.is_file() else None


def read_file(path: Path) -> dict[str, object]:
    """Return the settings in a file; in a `pyproject.toml` those of `[tool.pygent-vec]`.

    Raises:
        ConfigError: it is not there, is no TOML, or has no such table.
    """
    parsed = _parsed(path)
    if path.name != _PROJECT_FILE:
        return parsed
    table = _project_table(parsed)
    if table is None:
        raise ConfigError(f"{path} has no table [tool.{_TABLE}]")
    return table


def _parsed(path: Path) -> dict[str, object]:
    import tomllib

    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"the configuration {path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # not UTF-8, or not TOML
        raise ConfigError(f"the configuration {path} is not valid TOML: {error}") from error


def _project_table(parsed: dict[str, object]) -> dict[str, object] | None:
    tools = parsed.get("tool")
    table = tools.get(_TABLE) if isinstance(tools, dict) else None
    return table if isinstance(table, dict) else None

"""Settings from environment variables: `PYGENT_VEC_STORES__MAIN__PATH` is `path` of the store `main`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygent_vec.config._files import CONFIG_VARIABLE
from pygent_vec.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["environment_settings", "merged"]

_PREFIX = "PYGENT_VEC_"
_NEAR = 0.8
"""So alike that a name must be misspelt."""


def environment_settings(environment: Mapping[str, str], known: Collection[str]) -> dict[str, object]:
    """Return the settings that variables name, nested where names have a double underscore.

    Variables whose first word is none of the *known* settings are not ours, unless they nearly are.

    Raises:
        ConfigError: a setting is misspelt, or given a value by one variable and settings by another.
    """
    from pygent_vec.plugin import DISABLED_VARIABLE

    settings: dict[str, object] = {}
    for name in sorted(environment):
        if not name.startswith(_PREFIX) or name in {CONFIG_VARIABLE, DISABLED_VARIABLE}:
            continue
        *tables, key = name.removeprefix(_PREFIX).lower().split("__")
        if not _is_known([*tables, key][0], name, known):
            continue
        inner = settings
        for table in tables:
            below = inner.setdefault(table, {})
            if not isinstance(below, dict):
                raise ConfigError(f"the variable {name} goes on where a shorter one gives a value; unset one")
            inner = below
        if not key or "" in tables:
            raise ConfigError(f"the variable {name} names no setting; write {_PREFIX}STORES__MAIN__PATH")
        inner[key] = environment[name]
    return settings


def _is_known(word: str, name: str, known: Collection[str]) -> bool:
    from difflib import get_close_matches

    if word in known:
        return True
    near = get_close_matches(word, known, n=1, cutoff=_NEAR)
    if near:
        raise ConfigError(f"the variable {name} names no setting; did you mean {_PREFIX}{near[0].upper()}?")
    return False


def merged(below: Mapping[str, object], above: Mapping[str, object]) -> dict[str, object]:
    """Return *below* with what *above* says instead, table by table.

    A key of *above* finds its like whatever their case, and with `-` for `_`, since variables have neither.
    A reference is one value: it replaces and is replaced as a whole.
    """
    result = dict(below)
    names = {_plain(name): name for name in below}
    for key, value in above.items():
        name = names.get(_plain(key), key)
        old = result.get(name)
        both = isinstance(old, dict) and isinstance(value, dict)
        if both and not _is_reference(old) and not _is_reference(value):
            result[name] = merged(old, value)  # type: ignore[arg-type]  # both are tables
        else:
            result[name] = value
    return result


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")


def _is_reference(value: object) -> bool:
    return isinstance(value, dict) and value.keys() in ({"env"}, {"file"})

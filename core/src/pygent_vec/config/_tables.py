"""A table of settings becomes an attrs value."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import attrs

from pygent_vec.config._values import converter
from pygent_vec.errors import ConfigError, hint, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["table_as"]

T = TypeVar("T")


def table_as(kind: type[T], table: object, where: str) -> T:
    """Return an instance of the attrs class *kind*; text is converted to the field's type.

    Raises:
        ConfigError: *table* is none, has an unknown or lacks a needed key, or a value does not fit.
    """
    import cattrs.errors

    if not isinstance(table, dict):
        raise ConfigError(f"{where} must be a table of settings, got {shown(table)}")
    attrs.resolve_types(kind)  # type: ignore[type-var]  # an attrs class
    fields = {field.name: field for field in attrs.fields(kind)}  # type: ignore[arg-type]  # as above
    for key in table:
        if key not in fields:
            raise ConfigError(f"{where} has no setting {key!r}{hint(str(key), fields)}")
    values: Mapping[str, object] = {
        key: _value(fields[key], value, f"{where}: {key}") for key, value in table.items()
    }
    try:
        return kind(**values)
    except ConfigError:
        raise
    except (ValueError, TypeError, cattrs.errors.CattrsError) as error:
        raise ConfigError(f"{where}: {error}") from error


def _value(field: attrs.Attribute[object], value: object, where: str) -> object:
    import cattrs.errors

    try:
        return converter().structure(value, field.type)  # type: ignore[arg-type]  # resolved to a type
    except (cattrs.errors.CattrsError, ValueError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"{where}={shown(value)} is not valid: {reason}") from error

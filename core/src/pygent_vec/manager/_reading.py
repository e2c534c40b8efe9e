"""Whatever a manager may be configured with becomes its settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import attrs

from pygent_vec.config import (
    BACKEND_KEYS,
    OLD_KEYS,
    environment_settings,
    find_file,
    merged,
    read_file,
    refuse_literal_secrets,
    table_as,
)
from pygent_vec.errors import ConfigError, hint, shown
from pygent_vec.manager._duck import address_of, settings_of
from pygent_vec.manager._settings import ManagerSettings, Resilience, Route, StoreSettings

__all__ = ["settings_from", "store_settings_from"]

_TOP = ("stores", "default_store", "routes", "resilience", "deadline")
_FLAT = (*BACKEND_KEYS, *OLD_KEYS, "default_collection", "path", "schema")
_OWN = ("embedder", "resilience")
_ROUTE = ("collection", "store", "read", "write", "shadow")
_POSTGRESQL = ("postgresql", "postgres")
_ADDRESS = ("dsn", "host", "user", "password", "database", "embedded", "path", "persist_directory")
_FLAT_STORE = "default"
"""What the only store of a flat configuration is called."""


@attrs.frozen(kw_only=True)
class _Plain:
    """The settings of a manager that are single values."""

    default_store: str | None = None
    deadline: float = 10.0


def settings_from(source: object = None, db_manager: object = None) -> ManagerSettings:
    """Return a manager's settings.

    Args:
        source: Settings; a mapping of them; the path of a TOML file; an object with the old attributes; or
            None for the file that is found and the environment.
        db_manager: Has the address of the database, for PostgreSQL stores that are given none.

    Raises:
        ConfigError: a setting is unknown or does not fit; the message names the nearest one.
    """
    address = address_of(db_manager)
    if isinstance(source, ManagerSettings):
        return _with_address(source, address)
    base: Path | None = None
    if source is None or isinstance(source, (str, Path)):
        tables, base = _written(source)
    elif isinstance(source, Mapping):
        tables = dict(source)
    else:
        tables = settings_of(source)
    return _with_address(_settings(tables, base), address)


def store_settings_from(name: str, config: object) -> StoreSettings:
    """Return the settings of one store from a URL or a mapping.

    Raises:
        ConfigError: it does not name one backend.
    """
    where = f"the store {name!r}"
    if isinstance(config, StoreSettings):
        return config
    if isinstance(config, str) and config:
        return StoreSettings(backend=config)
    if not isinstance(config, Mapping):
        raise ConfigError(f"{where}: give a URL or a mapping of settings, got {shown(config)}")
    given = [key for key in BACKEND_KEYS if key in config]
    if len(given) != 1:
        reason = f"{' and '.join(given)} name a backend twice" if given else "no backend is named"
        raise ConfigError(f"{where}: {reason}; give backend{_near(config)}")
    backend = config[given[0]]
    if not isinstance(backend, str) or not backend:
        raise ConfigError(f"{where}: {given[0]}={shown(backend)} is not the name of a backend")
    resilience = config.get("resilience")
    return StoreSettings(
        backend=backend,
        settings={key: value for key, value in config.items() if key not in (*BACKEND_KEYS, *_OWN)},
        embedder=config.get("embedder"),
        resilience=None if resilience is None else _resilience(resilience, f"{where}: resilience"),
    )


def _near(config: Mapping[str, object]) -> str:
    for key in config:
        if found := hint(str(key), BACKEND_KEYS).partition("?")[0]:
            return f" ({key!r} is none{found}?)" if "did you mean" in found else ""
    return ""


def _written(source: str | Path | None) -> tuple[dict[str, object], Path | None]:
    """Return what a file and the environment say, and the directory of the file."""
    path = find_file(Path.cwd()) if source is None else Path(source).expanduser()
    below = {} if path is None else read_file(path)
    above = environment_settings(os.environ, (*_TOP, *_FLAT))
    for where, tables in ((str(path), below), ("the environment", above)):
        _refuse_secrets(tables, where)
    if below and "stores" not in below and "stores" not in above:
        return merged(below, above), None if path is None else path.resolve().parent
    flat = [key for key in above if key not in _TOP]
    if below and flat:
        raise ConfigError(
            f"the environment gives {flat[0]} to one store, and {path} has several by name; "
            f"write PYGENT_VEC_STORES__NAME__{flat[0].upper()}"
        )
    return merged(below, above), None if path is None else path.resolve().parent


def _refuse_secrets(tables: Mapping[str, object], where: str) -> None:
    stores = tables.get("stores")
    for name, store in stores.items() if isinstance(stores, Mapping) else ():
        table = store if isinstance(store, Mapping) else {"url": store}
        refuse_literal_secrets(table, f"{where}: the store {name!r}")
    refuse_literal_secrets({key: value for key, value in tables.items() if key not in _TOP}, where)


def _settings(tables: Mapping[str, object], base: Path | None) -> ManagerSettings:
    stores = tables.get("stores")
    if stores is None:
        flat = {key: value for key, value in tables.items() if key not in _TOP}
        stores = {_FLAT_STORE: flat} if flat else {}
    else:
        for key in tables:
            if key not in _TOP:
                raise ConfigError(f"the configuration has no setting {key!r}{hint(str(key), _TOP)}")
    if not isinstance(stores, Mapping) or any(not isinstance(name, str) or not name for name in stores):
        raise ConfigError(f"stores must be a table of stores by name, got {shown(stores)}")
    rest = {key: tables[key] for key in ("default_store", "deadline") if key in tables}
    plain: _Plain = table_as(_Plain, rest, "the configuration")
    return ManagerSettings(
        stores={name: store_settings_from(name, config) for name, config in stores.items()},
        routes=_routes(tables.get("routes", ())),
        resilience=_resilience(tables.get("resilience", {}), "resilience"),
        base=base,
        default_store=plain.default_store,
        deadline=plain.deadline,
    )


def _resilience(table: object, where: str) -> Resilience:
    return table if isinstance(table, Resilience) else table_as(Resilience, table, where)


def _routes(tables: object) -> tuple[Route, ...]:
    if not isinstance(tables, (list, tuple)):
        raise ConfigError(f"routes must be a list of tables, got {shown(tables)}")
    return tuple(
        table if isinstance(table, Route) else _route(table, f"route number {place}")
        for place, table in enumerate(tables, start=1)
    )


def _route(table: object, where: str) -> Route:
    """Return a route; `store` stands for `read` and `write`.

    Raises:
        ConfigError: a key is unknown, missing or given twice, or a value does not fit.
    """
    if not isinstance(table, Mapping):
        raise ConfigError(f"{where} must be a table, got {shown(table)}")
    for key in table:
        if key not in _ROUTE:
            raise ConfigError(f"{where} has no setting {key!r}{hint(str(key), _ROUTE)}")
    names = {key: _names(value, f"{where}: {key}") for key, value in table.items()}
    if "store" in names:
        if "read" in names or "write" in names:
            raise ConfigError(f"{where}: store stands for read and write; give it, or the two of them")
        names["read"] = names["write"] = names["store"]
    for key in ("collection", "read", "write"):
        if key not in names:
            raise ConfigError(f"{where}: {key} is missing; give collection, and store, or read and write")
        if key != "write" and len(names[key]) != 1:
            raise ConfigError(f"{where}: {key} is one name, got {shown(table.get(key))}")
    return Route(
        collection=names["collection"][0],
        read=names["read"][0],
        write=names["write"],
        shadow=names.get("shadow", ()),
    )


def _names(value: object, where: str) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if isinstance(names, (list, tuple)) and names and all(isinstance(one, str) and one for one in names):
        return tuple(names)
    raise ConfigError(f"{where} must be a name or a list of names, got {shown(value)}")


def _with_address(settings: ManagerSettings, address: str | None) -> ManagerSettings:
    """Return *settings* with the database's address for the PostgreSQL stores that are given none."""
    if address is None:
        return settings
    stores = {
        name: attrs.evolve(store, settings={**store.settings, "dsn": address})
        if store.backend in _POSTGRESQL and not any(key in store.settings for key in _ADDRESS)
        else store
        for name, store in settings.stores.items()
    }
    return attrs.evolve(settings, stores=stores)

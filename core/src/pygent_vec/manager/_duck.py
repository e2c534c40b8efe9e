"""What old objects tell: settings by their attributes, and the address of a database."""

from __future__ import annotations

from pygent_vec.config import BACKEND_KEYS, OLD_KEYS
from pygent_vec.errors import ConfigError

__all__ = ["address_of", "settings_of"]

_ADDRESSES = ("ASYNC_DATABASE_URL", "async_database_url", "DATABASE_URL", "database_url")
_KEYS = (*BACKEND_KEYS, *OLD_KEYS, "default_collection", "schema")
_DIRECTORIES = ("VECTOR_STORE_PATH", "vector_store_path", "persist_directory")
_FAISS_DIRECTORY = "./faiss_db"
"""Where the old settings have it that name no directory."""


def settings_of(source: object) -> dict[str, object]:
    """Return the settings that an object's attributes give.

    `default_type` and the like count as in a mapping. Without a backend, the address of the database decides:
    with SQLite the store is FAISS, otherwise PostgreSQL.

    Raises:
        ConfigError: it has none of these attributes.
    """
    found = {key: getattr(source, key, None) for key in _KEYS}
    settings = {key: value for key, value in found.items() if value is not None and not callable(value)}
    address = _address(source)
    if not any(key in settings for key in BACKEND_KEYS):
        if address is None:
            raise ConfigError(
                f"settings of type {type(source).__name__} tell nothing about a store: give a mapping, "
                f"the path of a TOML file, or an object with one of {', '.join((*BACKEND_KEYS, *_ADDRESSES))}"
            )
        settings["backend"] = "faiss" if _is_sqlite(address) else "postgresql"
    collection = getattr(getattr(source, "vector", None), "CHROMADB_COLLECTION_NAME", None)
    if isinstance(collection, str) and collection:
        settings.setdefault("default_collection", collection)
    backend = next(settings[key] for key in BACKEND_KEYS if key in settings)
    if backend in {"postgresql", "postgres"} and address is not None and not _is_sqlite(address):
        settings["dsn"] = _plain(address)
    if backend == "faiss":
        directories = (getattr(source, name, None) for name in _DIRECTORIES)
        settings["persist_directory"] = next(filter(None, directories), _FAISS_DIRECTORY)
    return settings


def address_of(db_manager: object) -> str | None:
    """Return the database's address that a database manager, an engine or a text gives; None for None.

    An address of SQLite is none for a vector store.

    Raises:
        ConfigError: it gives none.
    """
    if db_manager is None:
        return None
    address = db_manager if isinstance(db_manager, str) else _address(db_manager)
    if address is None:
        raise ConfigError(
            f"db_manager of type {type(db_manager).__name__} has no address of a database: it needs one of "
            f"{', '.join(_ADDRESSES)}, url, or engine.url"
        )
    return None if _is_sqlite(address) else _plain(address)


def _address(source: object) -> str | None:
    for name in (*_ADDRESSES, "url", "engine", "async_engine", "settings"):
        value = getattr(source, name, None)
        if value is None:
            continue
        if name in {"engine", "async_engine", "settings"}:
            found = _address(value)
            if found is not None:
                return found
            continue
        return _text(value, name)
    return None


def _text(value: object, name: str) -> str:
    render = getattr(value, "render_as_string", None)  # SQLAlchemy's URL hides its password otherwise
    if callable(render):
        return str(render(hide_password=False))
    reveal = getattr(value, "get_secret_value", None)  # pydantic's SecretStr
    if callable(reveal):
        return str(reveal())
    text = str(value)
    if "://" not in text:
        raise ConfigError(f"{name} is not the address of a database, such as postgresql://host/database")
    return text


def _is_sqlite(address: str) -> bool:
    return address.startswith("sqlite")


def _plain(address: str) -> str:
    """Return an address without the driver that SQLAlchemy wants to know."""
    scheme, _, rest = address.partition("://")
    return f"{scheme.partition('+')[0]}://{rest}"

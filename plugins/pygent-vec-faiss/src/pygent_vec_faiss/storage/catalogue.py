"""The directory of a store: one folder for each collection, named after it.

`<path>/collections/<name>`, with the capitals of the name in hexadecimal behind a `!`, so that `Docs` and
`docs` stay apart on file systems that ignore case. A folder that begins with a dot is being made or removed.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
from typing import TYPE_CHECKING

from pygent_vec.errors import ConfigError, shown
from pygent_vec_faiss.storage.failures import storage_error
from pygent_vec_faiss.storage.integrity import sync_directory
from pygent_vec_faiss.storage.lock import LOCK_NAME

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Catalogue", "folder_name", "name_of"]

_NEW, _TRASH = ".new-", ".trash-"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def folder_name(name: str) -> str:
    """Return the folder of a collection.

    >>> folder_name("docs"), folder_name("Docs")
    ('docs', 'docs!1')
    """
    capitals = sum(1 << place for place, letter in enumerate(name) if letter.isupper())
    return f"{name.lower()}!{capitals:x}" if capitals else name


def name_of(folder: str) -> str | None:
    """Return the collection of a folder; None for a folder that is none.

    >>> name_of("docs!1"), name_of(".new-1")
    ('Docs', None)
    """
    plain, mark, digits = folder.partition("!")
    try:
        capitals = int(digits, 16) if mark else 0
    except ValueError:
        return None
    name = "".join(letter.upper() if capitals >> place & 1 else letter for place, letter in enumerate(plain))
    return name if not folder.startswith(".") and folder_name(name) == folder else None


class Catalogue:
    """The collections on disk.

    Args:
        root: The store's directory.
    """

    def __init__(self, root: Path) -> None:
        self._folder = root / "collections"

    def check(self) -> None:
        """Refuse a directory that holds other things than a store, before anything is written into it.

        Raises:
            ConfigError: there are files, and none of them is a store's.
            BackendError: the directory cannot be read.
        """
        try:
            names = {entry.name for entry in self._folder.parent.iterdir()}
        except (FileNotFoundError, NotADirectoryError):
            return  # it is made, or refused, by the lock
        except OSError as error:
            raise storage_error(error, self._folder.parent) from error
        if names and not names & {LOCK_NAME, self._folder.name}:
            raise ConfigError(
                f"path={str(self._folder.parent)!r} holds other things, such as {shown(min(names))}, and no "
                "store; give the path of a store, of an empty directory, or one that does not exist yet"
            )

    def prepare(self) -> None:
        """Make the directory, and remove what an interrupted call left half made or half removed.

        Raises:
            BackendError: the file system refuses.
        """
        try:
            self._folder.mkdir(exist_ok=True)
            sync_directory(self._folder.parent)
            for folder in self._folder.iterdir():
                if folder.name.startswith((_NEW, _TRASH)):
                    shutil.rmtree(folder, ignore_errors=True)  # what stays is in nobody's way
        except OSError as error:
            raise storage_error(error, self._folder) from error

    def names(self) -> list[str]:
        """Return the names of the collections.

        Raises:
            BackendError: the file system refuses.
        """
        try:
            found = (name_of(folder.name) for folder in self._folder.iterdir() if folder.is_dir())
            return [name for name in found if name is not None]
        except OSError as error:
            raise storage_error(error, self._folder) from error

    def holds(self, name: str) -> bool:
        """Return whether there is a collection of this name."""
        return _NAME.fullmatch(name) is not None and self.folder(name).is_dir()

    def folder(self, name: str) -> Path:
        """Return the folder of a collection, which may not exist."""
        return self._folder / folder_name(name)

    def make(self, name: str, fill: Callable[[Path], None]) -> bool:
        """Make a collection's folder as a whole: *fill* fills it before it gets its name.

        Returns:
            False, if the name is taken.

        Raises:
            BackendError: the file system refuses; nothing is left.
        """
        folder = self.folder(name)
        if folder.exists():
            return False
        temporary = self._folder / f"{_NEW}{secrets.token_hex(8)}"
        try:
            temporary.mkdir()
            fill(temporary)
            temporary.rename(folder)
            sync_directory(self._folder)
        except OSError as error:
            raise storage_error(error, folder) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return True

    def remove(self, name: str) -> bool:
        """Remove a collection's folder: it loses its name at once. Return False if there is none.

        Raises:
            BackendError: the file system refuses; the collection stays.
        """
        folder = self.folder(name)
        trash = self._folder / f"{_TRASH}{secrets.token_hex(8)}"
        try:
            folder.rename(trash)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise storage_error(error, folder) from error
        try:
            sync_directory(self._folder)
        except OSError as error:
            with contextlib.suppress(OSError):
                trash.rename(folder)
            raise storage_error(error, folder) from error
        shutil.rmtree(trash, ignore_errors=True)  # the next open removes what stays
        return True

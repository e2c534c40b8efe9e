"""Opening: which driver a configuration asks for, and what has to be held while it is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from pygent_vec_chroma.embedded.checkpoints import OWN_FOLDER
from pygent_vec_chroma.embedded.driver import EmbeddedDriver
from pygent_vec_chroma.http import HttpDriver
from pygent_vec_chroma.lock import DirectoryLock

if TYPE_CHECKING:
    from pygent_vec_chroma.config import ChromaConfig
    from pygent_vec_chroma.driver import Driver

__all__ = ["Connection", "connection"]


@attrs.frozen(kw_only=True, eq=False)
class Connection:
    """A driver, and the lock of its directory, if it has one.

    Attributes:
        driver: Chroma.
        lock: Held while the driver is open.
    """

    driver: Driver
    lock: DirectoryLock | None = None

    def open(self) -> None:
        """Take the lock, then connect."""
        if self.lock is not None:
            self.lock.acquire()
        try:
            self.driver.open()
        except BaseException:
            if self.lock is not None:
                self.lock.release()
            raise

    def close(self) -> None:
        """Disconnect, then let go of the lock."""
        try:
            self.driver.close()
        finally:
            if self.lock is not None:
                self.lock.release()


def connection(config: ChromaConfig) -> Connection:
    """Return the connection that *config* asks for, not open yet."""
    if config.url is not None:
        return Connection(driver=HttpDriver(config))
    if config.path is None:
        return Connection(driver=EmbeddedDriver(None, tenant=config.tenant, database=config.database))
    directory = config.path.absolute()
    lock = DirectoryLock(directory / OWN_FOLDER)
    driver = EmbeddedDriver(directory, tenant=config.tenant, database=config.database, lock=lock)
    return Connection(driver=driver, lock=lock)

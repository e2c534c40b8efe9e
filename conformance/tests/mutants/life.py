"""Mutants that open, close or refuse after closing wrongly."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, ClassVar

from pygent_vec import StoreClosedError

from .mutant import Broken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pygent_vec.filters import Filter


class CallsAfterCloseAnswer(Broken):
    """A closed store answers from what it has in memory."""

    breaks: ClassVar = ("VS-202",)

    async def public_count_documents(
        self, *, collection: str | None = None, filter: Filter | Mapping[str, object] | None = None
    ) -> int:
        try:
            return await super().count_documents(collection=collection, filter=filter)
        except StoreClosedError:
            return 0


class SecondInitializeEmpties(Broken):
    """initialize() that does its work again."""

    breaks: ClassVar = ("VS-201",)

    async def public_initialize(self) -> None:
        self._data.clear()
        await super().initialize()


class SecondCloseRaises(Broken):
    """close() that minds being called again."""

    breaks: ClassVar = ("VS-201",)

    async def public_close(self) -> None:
        if getattr(self, "_shut", False):
            raise StoreClosedError("closed already")
        self._shut = True
        await super().close()


class CloseDoesNotWait(Broken):
    """A client is closed under a running write: the rest of it is lost."""

    breaks: ClassVar = ("VS-203",)

    async def public_close(self) -> None:
        self._data.clear()
        await super().close()


class CloseKeepsAThread(Broken):
    """A background thread that nobody stops."""

    breaks: ClassVar = ("VS-204",)

    def _open(self) -> None:
        super()._open()
        threading.Thread(target=threading.Event().wait, args=(60,), daemon=True).start()


class CloseKeepsAFile(Broken):
    """A file that nobody closes."""

    breaks: ClassVar = ("VS-204",)

    def _open(self) -> None:
        super()._open()
        self._kept = [*getattr(self, "_kept", []), open("/dev/null", "rb")]  # noqa: PTH123, SIM115  # kept open
        _forever(self._kept)


def _forever(kept: list[object]) -> None:
    """Keep what is open from the garbage collector, as a cycle through a C library would."""
    threading.current_thread().__dict__.setdefault("kept_open", []).extend(kept)

"""The store's side of its helper process: start it, call it, end it."""

from __future__ import annotations

import queue
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from pygent_vec.errors import BackendError, BackendUnavailableError
from pygent_vec_chroma.embedded.wire import Header, receive, send
from pygent_vec_chroma.failures import NativeError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["HelperGone", "HelperProcess"]

_CHANNELS = 4
"""How many calls may be in the helper at once: more find no processor."""
_END_SECONDS = 60.0


class HelperGone(Exception):  # noqa: N818  # what happened, not what is wrong
    """The helper ended before it answered.

    Attributes:
        asked: Whether it can have got the whole request.
    """

    def __init__(self, reason: str, *, asked: bool) -> None:
        super().__init__(reason)
        self.asked = asked


class HelperProcess:
    """A running helper.

    Args:
        order: What to open: directory, tenant, database.
        inherited: Descriptors that the helper holds open as long as it lives.

    Raises:
        NativeError: Chroma could not open the database.
        BackendUnavailableError: the helper could not be started.
    """

    def __init__(self, order: Header, inherited: Sequence[int] = ()) -> None:
        pairs = [socket.socketpair() for _ in range(_CHANNELS + 1)]
        theirs = [pair[1].fileno() for pair in pairs]
        self._free: queue.LifoQueue[socket.socket] = queue.LifoQueue()
        self._life, *self._channels = (pair[0] for pair in pairs)
        self._ending = threading.Lock()
        self._given_up = 0
        try:
            self._process = _started(theirs, inherited)
        except OSError as error:
            self._hang_up()
            raise BackendUnavailableError(
                f"the helper process of Chroma cannot be started: {error}"
            ) from error
        finally:
            for _, end in pairs:
                end.close()
        for channel in reversed(self._channels):  # the first one comes out first: it opens the database
            self._free.put(channel)
        try:
            self.opened, _ = self.call(order)
        except HelperGone as error:
            code = self.end()
            raise BackendError(
                f"the helper process of Chroma ended with code {code} before it had opened the database"
            ) from error
        except BaseException:
            self.end()
            raise

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def call(self, header: Header, body: bytes | memoryview = b"") -> tuple[Header, bytearray]:
        """Return the helper's answer to one request.

        Raises:
            NativeError: Chroma raised an error.
            HelperGone: the helper ended meanwhile.
        """
        channel = self._free.get()
        asked = False
        try:
            send(channel, header, body)
            asked = True
            answer, data = receive(channel)
        except (EOFError, OSError) as error:
            self._free.put(channel)  # others that wait for a channel learn the same from it
            raise HelperGone(str(error), asked=asked) from error
        except BaseException:
            self._give_up(channel)
            raise
        self._free.put(channel)
        if "error" in answer:
            raise NativeError.from_helper(answer["error"])
        return answer, data

    def _give_up(self, channel: socket.socket) -> None:
        """Close a channel whose call was interrupted: what comes over it next belongs to nobody."""
        channel.shutdown(socket.SHUT_RDWR)
        with self._ending:
            self._given_up += 1
            if self._given_up == _CHANNELS:
                self._free.put(channel)  # so that nobody waits for one for ever

    def end(self) -> int:
        """Hang up, wait until the process has ended, and return its exit code."""
        with self._ending:
            self._hang_up()
            try:
                return self._process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                return self._process.wait()

    def _hang_up(self) -> None:
        for channel in (*self._channels, self._life):
            with suppress(OSError):  # it is closed already, on one side or the other
                channel.shutdown(socket.SHUT_RDWR)  # a forked process may hold a copy of the descriptor
            channel.close()


def _started(channels: Sequence[int], inherited: Sequence[int]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  # our own module
        [sys.executable, "-P", "-m", "pygent_vec_chroma.embedded.helper", *map(str, channels)],
        pass_fds=[*channels, *inherited],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # an interrupt from the keyboard is for the store's process
    )

"""The helper process: it owns Chroma, and answers requests until its store is gone.

Run as `python -m pygent_vec_chroma.embedded.helper LIFE CHANNEL…`, with descriptors of its ends of sockets.
The first message on the first channel opens the database; when LIFE is closed, it ends. It imports little, so
that a store opens quickly.
"""

from __future__ import annotations

import gc
import os
import socket
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING

from pygent_vec_chroma.embedded.engine import Engine
from pygent_vec_chroma.embedded.wire import Header, receive, send

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["main"]

Answer = tuple[Header, bytes]
_LAST_CALL_SECONDS = 50.0
"""How long the calls in flight may take when the store is gone."""


def main(descriptors: Sequence[str]) -> None:
    """Open the database as told, serve every channel in a thread, and end with the store."""
    life, *channels = (socket.socket(fileno=int(descriptor)) for descriptor in descriptors)
    try:
        request, _ = receive(channels[0])
    except (EOFError, OSError):
        return
    engine: Engine | None = None

    def opened() -> Answer:
        nonlocal engine
        engine = Engine(request["directory"], request["tenant"], request["database"])
        return {"restored": engine.restored}, b""

    _answer(channels[0], opened)
    if engine is None:
        return
    calls = _calls(engine)
    threads = [threading.Thread(target=_serve, args=(channel, calls), daemon=True) for channel in channels]
    for thread in threads:
        thread.start()
    life.recv(1)  # nothing is ever sent: it returns when the store has closed it, or was killed
    until = time.monotonic() + _LAST_CALL_SECONDS
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    if not any(thread.is_alive() for thread in threads):
        engine.close()


def _calls(engine: Engine) -> dict[str, Callable[[Header, bytearray], Answer]]:
    return {
        "ping": engine.ping,
        "collections": engine.collections,
        "create": engine.create,
        "modify": engine.modify,
        "drop": engine.drop,
        "add": engine.add,
        "upsert": engine.upsert,
        "delete": engine.delete,
        "get": engine.get,
        "query": engine.query,
        "count": engine.count,
        "ids_after": engine.ids_after,
        "analyze": engine.analyze,
    }


def _serve(channel: socket.socket, calls: dict[str, Callable[[Header, bytearray], Answer]]) -> None:
    """Answer the requests of one channel, one after another, until it is closed."""
    try:
        while True:
            header, body = receive(channel)
            _answer(channel, lambda: calls[header["call"]](header, body))  # noqa: B023  # called at once
            del header, body
    except (EOFError, OSError):
        channel.close()


def _answer(channel: socket.socket, call: Callable[[], Answer]) -> None:
    try:
        header, body = call()
    except BaseException as error:  # noqa: BLE001  # a panic of Chroma is no Exception; the store raises it
        header, body = {"error": _told(error)}, b""
    send(channel, header, body)


def _told(error: BaseException) -> Header:
    return {
        "type": type(error).__name__,
        "module": type(error).__module__,
        "text": str(error),
        "errno": error.errno if isinstance(error, OSError) else None,
        "trace": "".join(traceback.format_exception(error)),
    }


if __name__ == "__main__":
    gc.freeze()
    main(sys.argv[1:])
    os._exit(0)

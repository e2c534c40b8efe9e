"""Messages between a store and its helper: a JSON header and bytes, over a socket.

The helper imports this module, so it imports neither NumPy nor core.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

if TYPE_CHECKING:
    import socket

__all__ = ["Header", "receive", "send"]

Header: TypeAlias = "dict[str, Any]"
_LENGTHS = struct.Struct("<QQ")


def send(channel: socket.socket, header: Header, body: bytes | bytearray | memoryview = b"") -> None:
    """Send one message.

    Raises:
        OSError: the other side is gone.
    """
    head = orjson.dumps(header)
    view = memoryview(body).cast("B") if len(body) else memoryview(b"")
    channel.sendall(_LENGTHS.pack(len(head), len(view)) + head)
    if len(view):
        channel.sendall(view)


def receive(channel: socket.socket) -> tuple[Header, bytearray]:
    """Return the next message.

    Raises:
        EOFError: the other side is gone.
        OSError: the socket is broken.
    """
    head, body = _LENGTHS.unpack(_exactly(channel, _LENGTHS.size))
    header: Header = orjson.loads(_exactly(channel, head))
    return header, _exactly(channel, body)


def _exactly(channel: socket.socket, length: int) -> bytearray:
    data = bytearray(length)
    rest = memoryview(data)
    while rest:
        got = channel.recv_into(rest)
        if not got:
            raise EOFError("the other side closed the channel")
        rest = rest[got:]
    return data

"""A Chroma server in a process of its own, for tests: it can be killed and started again on the same port."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Self

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_START_SECONDS = 120.0
_DATABASES = 20
"""So many databases have a server in turn; then a fresh one, as a server keeps descriptors of all it had."""
_PAUSE_SECONDS = 0.05
_TENANT = "/api/v2/tenants/default_tenant/databases"
_RUN = "import sys; from chromadb_rust_bindings import cli; cli(['chroma', 'run', sys.argv[1]])"


class ChromaServer:
    """A server over *directory*, on a free port of this machine."""

    def __init__(self, directory: Path, *, options: str = "") -> None:
        self._directory = directory
        self._options = options
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0
        self._dropped = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        config = self._directory / "server.yaml"
        config.write_text(
            f'port: {self._port}\nlisten_address: "127.0.0.1"\npersist_path: "{self._data}"\n{self._options}'
        )
        self._process = subprocess.Popen(
            [sys.executable, "-c", _RUN, str(config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + _START_SECONDS
        while not self._answers():
            if time.monotonic() > until or self._process.poll() is not None:
                raise RuntimeError(f"the server did not start: {self._process.poll()}")
            time.sleep(_PAUSE_SECONDS)

    def stop(self) -> None:
        """Kill the server: nothing that it acknowledged may need more."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def make_database(self, settings: Mapping[str, object]) -> None:
        httpx.post(f"{self.url}{_TENANT}", json={"name": settings["database"]}).raise_for_status()
        self._made += 1

    def drop_database(self, settings: Mapping[str, object]) -> None:
        """Drop a database; begin anew, with nothing, where it was the last of many."""
        httpx.delete(self.database_url(settings)).raise_for_status()
        self._dropped += 1
        if self._dropped == self._made >= _DATABASES:
            self._made = self._dropped = 0
            self.stop()
            shutil.rmtree(self._data)
            self.start()

    @property
    def _data(self) -> Path:
        return self._directory / "data"

    def database_url(self, settings: Mapping[str, object]) -> str:
        return f"{self.url}{_TENANT}/{settings['database']}"

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/api/v2/heartbeat").is_success
        except httpx.TransportError:
            return False

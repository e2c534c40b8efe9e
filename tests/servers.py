"""Real servers for tests that cross backends: started from the installed wheels, killed without warning."""

import os
import signal
import socket
import subprocess
import sys
import time
from urllib.parse import quote

import httpx

from pygent_vec_postgres.server.embedded import EmbeddedServer
from pygent_vec_postgres.server.processes import processes_of, wait_for

_CHROMA = "import sys; from chromadb_rust_bindings import cli; cli(['chroma', 'run', sys.argv[1]])"
_START_SECONDS = 120


class PostgresServer:
    """A PostgreSQL server of our own, in a temporary directory."""

    def __init__(self):
        self._server = EmbeddedServer(None)
        self.start()
        self.address = f"postgresql:///postgres?host={quote(self._server.host, safe='')}&user=postgres"

    def start(self):
        self._server.start()

    def kill(self):
        os.kill(self._server.running.pid, signal.SIGKILL)
        assert wait_for(lambda: not processes_of(self._server.data), 20)

    def close(self):
        self._server.stop()


class ChromaServer:
    """A Chroma server over *directory*, on a free port of this machine."""

    def __init__(self, directory):
        self._directory = directory
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self._port}"
        self.start()

    def start(self):
        config = self._directory / "server.yaml"
        config.write_text(
            f'port: {self._port}\nlisten_address: "127.0.0.1"\npersist_path: "{self._directory / "data"}"\n'
        )
        silent = subprocess.DEVNULL
        command = [sys.executable, "-c", _CHROMA, str(config)]
        self._process = subprocess.Popen(command, stdin=silent, stdout=silent, stderr=silent)
        until = time.monotonic() + _START_SECONDS
        while not self._answers():
            if time.monotonic() > until or self._process.poll() is not None:
                raise RuntimeError(f"the server did not start: {self._process.poll()}")
            time.sleep(0.05)

    def kill(self):
        self._process.kill()
        self._process.wait()

    close = kill

    def _answers(self):
        try:
            return httpx.get(f"{self.address}/api/v2/heartbeat").is_success
        except httpx.TransportError:
            return False

"""A PgBouncer in transaction mode before the session's server."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pygent_vec_postgres.server.account import unprivileged
from pygent_vec_postgres.server.processes import wait_for

from .harness import Server

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextmanager
def bouncing(server: Server, *settings: str) -> Iterator[Path]:
    """Run PgBouncer with further *settings*; give the directory of its socket, whose port is 5432 by default."""
    if server.own is None:
        pytest.skip("needs the embedded server")
    if PROGRAM is None:
        pytest.skip("PgBouncer is not installed: apt install pgbouncer")
    account = unprivileged()
    with tempfile.TemporaryDirectory(prefix="pygent-vec-test-") as name:
        place = Path(name)
        place.chmod(0o755)
        account.own(place)
        lines = [
            "[databases]",
            f"postgres = host={server.own.host} port=5432 user=postgres",
            "[pgbouncer]",
            f"unix_socket_dir = {place}",
            "listen_port = 5432",
            "auth_type = any",
            "pool_mode = transaction",
            f"logfile = {place}/log",
            *settings,
        ]
        (place / "pgbouncer.ini").write_text("\n".join([*lines, ""]))
        output = os.open(place / "output", os.O_WRONLY | os.O_CREAT)
        process = account.start([str(PROGRAM), str(place / "pgbouncer.ini")], output)
        os.close(output)
        try:
            assert wait_for(lambda: any(place.glob(".s.PGSQL.*")) or process.poll() is not None, 20)
            assert process.poll() is None, (place / "output").read_text()
            yield place
        finally:
            process.terminate()
            process.wait()

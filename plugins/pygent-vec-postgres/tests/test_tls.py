"""Encrypted connections: the server's certificate is checked as far as the settings ask for."""

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pygent_vec.errors import BackendUnavailableError, PygentVecError
from pygent_vec_postgres.server.account import unprivileged

from .bouncing import bouncing
from .harness import Server, free_port, made

OPENSSL = shutil.which("openssl")

pytestmark = pytest.mark.skipif(
    OPENSSL is None, reason="openssl, which makes the certificates, is not installed"
)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pygent-vec-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def certificate(place: Path, name: str) -> tuple[Path, Path]:
    """Return a key, and a certificate for localhost that it signed itself."""
    key, signed = place / f"{name}.key", place / f"{name}.crt"
    command = [
        str(OPENSSL),
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        f"/CN={name}",
    ]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(signed)]
    subprocess.run(command, check=True, capture_output=True)
    key.chmod(0o600)
    unprivileged().own(key)
    return key, signed


@pytest.fixture(scope="module")
def address(server: Server, place: Path) -> Iterator[dict[str, object]]:
    """The settings of a proxy that takes encrypted connections only; the embedded server knows none."""
    key, signed = certificate(place, "server")
    certificate(place, "stranger")
    port = free_port()
    with bouncing(
        server,
        f"listen_port = {port}",
        "listen_addr = 127.0.0.1",
        "client_tls_sslmode = require",
        f"client_tls_key_file = {key}",
        f"client_tls_cert_file = {signed}",
    ):
        parts = {"host": "localhost", "port": port, "user": "postgres", "database": "postgres"}
        yield {**parts, "statement_cache_size": 0}


def opened(settings: dict[str, object]) -> bool:
    """Open a store; the proxy lets nobody in without encryption."""

    async def run() -> bool:
        async with made(settings, schema="tls") as store:
            return (await store.health_check()).status == "healthy"

    return asyncio.run(run())


def test_a_required_encryption_is_used(address):
    assert opened({**address, "ssl_mode": "require"})


def test_a_certificate_that_is_trusted_is_accepted(address, place):
    assert opened({**address, "ssl_mode": "verify-full", "ssl_ca": str(place / "server.crt")})
    assert opened({**address, "ssl_ca": str(place / "server.crt")})


def test_a_certificate_of_a_stranger_is_refused(address, place):
    with pytest.raises(PygentVecError, match=r"(?i)certificate") as caught:
        opened({**address, "ssl_mode": "verify-full", "ssl_ca": str(place / "stranger.crt")})
    assert isinstance(caught.value, BackendUnavailableError)


def test_a_name_that_the_certificate_does_not_have_is_refused_only_by_verify_full(address, place):
    by_number = {**address, "host": "127.0.0.1", "ssl_ca": str(place / "server.crt")}
    assert opened({**by_number, "ssl_mode": "verify-ca"})
    with pytest.raises(BackendUnavailableError, match=r"127\.0\.0\.1"):
        opened({**by_number, "ssl_mode": "verify-full"})


def test_an_unencrypted_connection_is_refused_by_this_server(address):
    with pytest.raises(BackendUnavailableError):
        opened({**address, "ssl_mode": "disable"})

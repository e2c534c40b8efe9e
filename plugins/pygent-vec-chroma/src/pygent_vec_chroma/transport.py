"""Requests to Chroma's server: as JSON, in time, and again where the connection failed."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING, Any

import httpx
import orjson

from pygent_vec.errors import BackendUnavailableError, ConfigError
from pygent_vec_chroma.failures import NativeError, chroma_error, is_passing, refused, transport_error

if TYPE_CHECKING:
    from pygent_vec_chroma.config import ChromaConfig

__all__ = ["Transport"]

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 1.0
_PASSING_SECONDS = 10.0
"""So long a server is asked again that is amid another client's write."""
_AGAIN = frozenset({429, 502, 503, 504})
"""Statuses of a server, or of a proxy before it, that may answer in a moment."""
_FINAL = (httpx.ReadTimeout, httpx.WriteTimeout, httpx.UnsupportedProtocol)
"""Failures after which the same request would only fail again, or burden a server that is slow already."""
_ERRORS = 400
"""Statuses from here on tell of a failure."""
_JSON = {"content-type": "application/json"}


class Transport:
    """Connections to one server. Its methods may be called from several threads at once."""

    def __init__(self, config: ChromaConfig) -> None:
        self._config = config
        self._client: httpx.Client | None = None
        self.url = (config.url or "").rstrip("/")

    def open(self) -> None:
        """Get ready; a connection is made with the first request.

        Raises:
            ConfigError: the certificates cannot be read.
        """
        self._client = httpx.Client(
            base_url=self.url,
            headers=dict(self._config.headers),
            verify=_tls(self._config),
            timeout=httpx.Timeout(self._config.timeout, connect=self._config.connect_timeout),
        )

    def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Return what the server answers, as JSON; repeat the request while it cannot be reached or is busy.

        NumPy arrays in *body* are written as lists.

        Raises:
            CollectionNotFoundError: what *path* names is not there.
            BackendUnavailableError: there was no answer.
            BackendTimeoutError: there was none in time.
            BackendError: the server refused, or failed.
        """
        data = None if body is None else orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
        attempt, patient_until = 0, time.monotonic() + _PASSING_SECONDS
        while True:
            last = attempt >= self._config.retries
            try:
                status, content = self._sent(method, path, data)
            except httpx.TransportError as error:
                if last or isinstance(error, _FINAL):
                    raise transport_error(error, self.url) from error
            else:
                if status < _ERRORS:
                    return orjson.loads(content) if content else None
                failure = _told(content)
                passing = failure is not None and is_passing(failure) and time.monotonic() < patient_until
                if not passing and (last or status not in _AGAIN):
                    if failure is None:
                        raise refused(status, content.decode(errors="replace"), self.url)
                    raise chroma_error(failure, self.url) from failure
            time.sleep(min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**attempt))
            attempt += 1

    def _sent(self, method: str, path: str, data: bytes | None) -> tuple[int, bytearray]:
        """Return the status and the content of one answer."""
        if self._client is None:
            raise BackendUnavailableError("the store has no connection; open it again")
        headers = {} if data is None else _JSON
        # The answer would keep its content for as long as it waits for the collector of cycles.
        content = bytearray()
        with self._client.stream(method, path, content=data, headers=headers) as answer:
            for piece in answer.iter_bytes():
                content += piece
            return answer.status_code, content


def _told(content: bytearray) -> NativeError | None:
    """Return the error that Chroma tells of; None if the answer is not Chroma's."""
    try:
        told = orjson.loads(content)
        return NativeError(str(told["error"]), str(told["message"]))
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None


def _tls(config: ChromaConfig) -> ssl.SSLContext | bool:
    if config.ca_file is None and config.client_certificate is None:
        return True
    try:
        context = ssl.create_default_context(cafile=config.ca_file)
        if config.client_certificate is not None:
            context.load_cert_chain(config.client_certificate)
    except OSError as error:
        raise ConfigError(
            f"the certificates in ca_file={str(config.ca_file)!r} and "
            f"client_certificate={str(config.client_certificate)!r} cannot be used: {error}"
        ) from error
    return context

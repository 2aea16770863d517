"""One polite HTTP client for everything that is asked of other machines.

Every exchange has a deadline and a largest size. TLS is verified; a certificate authority can be added, not switched
off. Requests are retried with exponential backoff and jitter, after as long as the source asks for, and begin at most
once a second at each host. What a source says may be kept is not asked again (RFC 9111).
What does not belong here: what a source's answers mean.
"""

import logging
import ssl
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from pathlib import Path
from types import TracebackType

import httpx2
import stamina

from darkstar_pipeline.context import Context
from darkstar_pipeline.fetching.answers import Answer, Request, check_content
from darkstar_pipeline.fetching.errors import FetchError
from darkstar_pipeline.fetching.pace import PACE, Pace
from darkstar_pipeline.fetching.transport import Transport, causes
from darkstar_pipeline.state.folder_names import CACHE_FILE, FETCHING_FOLDER
from darkstar_pipeline.state.trust import with_authority
from planner.artifacts.atomic_files import make_folder

TIMEOUT_SECONDS = 30.0
"""Longest time of one exchange, from its begin to its end [s]."""
N_BYTES = 32 * 2**20
"""Largest answer, decompressed; a year of quarter-hours as JSON has some 4 MB."""
CACHE_BYTES = 64 * 2**20
"""Largest cache on the disk."""
_MOST_REDIRECTS = 3
_NO_CONTENT, _UNAUTHORISED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY = 204, 401, 403, 404, 429
_SUCCESS, _REDIRECTS, _CLIENT_ERRORS, _SERVER_ERRORS = (range(n, n + 100) for n in (200, 300, 400, 500))


@dataclass(frozen=True, kw_only=True)
class Retries:
    """Repetition of a request that failed for a cause that may pass.

    Attributes:
        attempts: of a request, the first included.
        first_wait: mean wait before the second attempt [s]; it doubles from there.
        longest_wait: longest wait [s]; a source that asks for more is not asked again now.
        jitter: random part of each wait [s].
    """

    attempts: int = 3
    first_wait: float = 1.0
    longest_wait: float = 30.0
    jitter: float = 1.0


def open_client(context: Context, *, retries: Retries | None = None, pace: Pace = PACE) -> "SourceClient":
    """Return a client with the settings of a site and the cache of its state folder.

    Raises:
        ConfigurationError: the certificate authority cannot be read.
    """
    ca_file = context.site_settings.sources.ca_file
    return SourceClient(cache=context.home / FETCHING_FOLDER / CACHE_FILE, ca_file=ca_file, retries=retries, pace=pace)


class SourceClient:
    """A client of the sources.

    Args:
        cache: file of the cache; None for no cache.
        ca_file: certificate authority that is trusted beside the system's.
        seconds: longest time of one exchange [s].
        n_bytes: largest answer.
        retries: how a request is repeated.
        pace: pace of the requests to a host.

    Raises:
        ConfigurationError: the certificate authority cannot be read.
    """

    def __init__(
        self,
        *,
        cache: Path | None = None,
        ca_file: Path | None = None,
        seconds: float = TIMEOUT_SECONDS,
        n_bytes: int = N_BYTES,
        retries: Retries | None = None,
        pace: Pace = PACE,
    ) -> None:
        stamina.instrumentation.set_on_retry_hooks([])  # its own writes to stdout, where a command's JSON goes
        logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs whole addresses, and some hold a token
        self._seconds, self._n_bytes = seconds, n_bytes
        self._retries = Retries() if retries is None else retries
        self._plain = Transport(tls_context(ca_file), pace)
        self._cached = self._plain if cache is None else _cache_over(self._plain, cache)
        agent = {"user-agent": f"darkstar/{version('darkstar-pipeline')} (home battery planner)"}
        timeout = httpx2.Timeout(seconds)
        self._secret_client = httpx2.Client(transport=self._plain, headers=agent, timeout=timeout)
        self._client = httpx2.Client(transport=self._cached, headers=agent, timeout=timeout)

    def __enter__(self) -> "SourceClient":
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections and the cache."""
        self._client.close()
        self._secret_client.close()

    def ask(self, request: Request) -> Answer:
        """Return a source's answer, asked again where the failure may pass.

        Raises:
            FetchError: it gives none that can be used.
        """
        waits = self._retries
        for attempt in stamina.retry_context(
            on=self._again,
            attempts=waits.attempts,
            timeout=None,
            wait_initial=waits.first_wait,
            wait_max=waits.longest_wait,
            wait_jitter=waits.jitter,
        ):
            with attempt:
                return self._once(request)
        raise AssertionError  # stamina raises the last error

    def tell(self, request: Request) -> None:
        """Post a document, whatever the answer says; it is not repeated, since the first may have arrived.

        Raises:
            FetchError: it does not take it.
        """
        self._once(request, answers=False)

    def reach(self, request: Request) -> None:
        """Ask once whether a server answers, whatever it says short of a fault of its own.

        Raises:
            FetchError: it does not.
        """
        try:
            self._once(request, answers=False)
        except FetchError as error:
            if error.status is None or error.status in _SERVER_ERRORS:
                raise

    def _again(self, error: Exception) -> bool | float:
        """Return whether a request is repeated after an error, or after how many seconds."""
        if not isinstance(error, FetchError) or not error.again:
            return False
        if error.retry_after is None:
            return True
        return error.retry_after if error.retry_after <= self._retries.longest_wait else False

    def _once(self, request: Request, *, answers: bool = True) -> Answer:
        """Ask once; without `answers` the body may be empty or anything."""
        asked_at = datetime.now(UTC)
        with self._plain.ended_after(self._seconds) as ended:
            try:
                with self._exchange(request) as response:
                    if answers or response.status_code != _NO_CONTENT:
                        _refuse_status(request.source, response)
                    body = self._body(request.source, response)
            except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
                if ended.is_set():
                    raise _too_slow(request.source, self._seconds) from error
                raise _unreachable(request.source, error, self._seconds) from error
            except httpx2.InvalidURL as error:
                raise FetchError(request.source, "refused", f"{request.url} is no address") from error
        if answers:
            check_content(request.source, response.headers.get("content-type", ""), body, request.accepts)
        cached = _is_from_cache(response)
        return Answer(
            source=request.source,
            url=request.url if request.secret or not request.params else str(response.request.url),
            body=body,
            asked_at=asked_at,
            server_time=None if cached else _instant(response.headers.get("date")),
            cached=cached,
        )

    @contextmanager
    def _exchange(self, request: Request) -> Generator[httpx2.Response]:
        """Send a request, follow where the same host moved it, and close the connection afterwards."""
        client = self._secret_client if request.secret else self._client
        method = "GET" if request.body is None else "POST"
        headers = {**request.headers, **({"cache-control": "no-cache"} if request.fresh else {})}
        params = dict(request.params) or None
        sent = client.build_request(method, request.url, params=params, headers=headers, json=request.body)
        response = client.send(sent, stream=True)
        try:
            for _ in range(_MOST_REDIRECTS):
                if request.body is not None or not _stays(sent, response.next_request):
                    break
                sent = response.next_request or sent
                response.close()
                response = client.send(sent, stream=True)
            yield response
        finally:
            response.close()

    def _body(self, source: str, response: httpx2.Response) -> bytes:
        """Return the body of an answer, within its bound."""
        body = bytearray()
        for part in response.iter_bytes():
            body += part
            if len(body) > self._n_bytes:
                raise FetchError(source, "wrong", f"its answer has more than {self._n_bytes:,} bytes")
        return bytes(body)


def _stays(sent: httpx2.Request, following: httpx2.Request | None) -> bool:
    """Return whether a redirect leads to the same host, and from no encryption to some at the most."""
    if following is None or following.url.host != sent.url.host:
        return False
    same = (following.url.scheme, following.url.port) == (sent.url.scheme, sent.url.port)
    return same or (following.url.scheme == "https" and following.url.port is None and sent.url.port is None)


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return the context that verifies sources, by the system's authorities and one more.

    Raises:
        ConfigurationError: that one cannot be read.
    """
    return with_authority(httpx2.create_ssl_context(), ca_file)


def _cache_over(transport: httpx2.BaseTransport, file: Path) -> httpx2.BaseTransport:
    from hishel import SqliteStorage
    from hishel.httpx2 import CacheTransport

    make_folder(file.parent)
    storage = SqliteStorage(database_path=file, max_size=CACHE_BYTES)
    return CacheTransport(transport, storage, rfc=True)


def _is_from_cache(response: httpx2.Response) -> bool:
    """Return whether a response came from the cache, without even asking whether it still holds."""
    status: Mapping[str, bool] = response.extensions.get("caching", {})
    return status.get("from_cache", False) and not status.get("revalidated", False)


def _refuse_status(source: str, response: httpx2.Response) -> None:
    """Raise the error of a status that is no success."""
    status = response.status_code
    if status == _NO_CONTENT:
        raise FetchError(source, "wrong", "it answers without data (204)", status=status)
    if status in _SUCCESS:
        return
    wait = _wait(response.headers.get("retry-after"))
    if status == _TOO_MANY:
        after = "" if wait is None else f", and wants {wait:g} s of peace"
        raise FetchError(
            source, "refused", f"it was asked too often (429){after}", "nothing: it is asked again later",
            status=status, again=True, retry_after=wait,
        )  # fmt: skip
    if status in (_UNAUTHORISED, _FORBIDDEN):
        remedy = "check the token of that source, or take it out of the order under `sources` in darkstar.yaml"
        raise FetchError(source, "refused", f"it refuses us ({status})", remedy, status=status)
    if status == _NOT_FOUND:
        raise FetchError(source, "refused", "it has no such data (404)", status=status)
    if status in _CLIENT_ERRORS:
        raise FetchError(source, "refused", f"it refuses the request ({status})", status=status)
    if status in _REDIRECTS:
        target = response.next_request
        where = "" if target is None else f" to {target.url.scheme}://{target.url.host}"
        remedy = "a newer version of Darkstar may know its new address; only redirects within a host are followed"
        raise FetchError(source, "refused", f"it has moved{where} ({status})", remedy, status=status)
    raise FetchError(
        source, "unreachable", f"it has a fault of its own ({status})", status=status, again=True, retry_after=wait
    )


def _wait(text: str | None) -> float | None:
    """Return the wait that `Retry-After` asks for [s]; None where it is missing or cannot be read."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    at = _instant(text)
    return None if at is None else max(0.0, (at - datetime.now(UTC)).total_seconds())


def _instant(text: str | None) -> datetime | None:
    """Return the instant of an HTTP date; None where it is missing or none."""
    try:
        read = None if text is None else parsedate_to_datetime(text)
        return None if read is None else read.replace(tzinfo=read.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _too_slow(source: str, seconds: float) -> FetchError:
    return FetchError(source, "unreachable", f"it does not answer within {seconds:g} s", again=True)


def _unreachable(source: str, error: Exception, seconds: float) -> FetchError:
    """Return the error of an exchange that failed."""
    chain = causes(error)
    if any(isinstance(one, ssl.SSLError) for one in chain) or "CERTIFICATE" in str(error).upper():
        certificate = next((one for one in chain if isinstance(one, ssl.SSLCertVerificationError)), None)
        why = f": {certificate.verify_message}" if certificate is not None and certificate.verify_message else ""
        remedy = "check this machine's clock and network; behind a proxy of your own, set sources.ca_file"
        return FetchError(source, "unreachable", f"its certificate cannot be verified{why}", remedy)
    if isinstance(error, httpx2.TimeoutException | TimeoutError):
        return _too_slow(source, seconds)
    if isinstance(error, httpx2.ProxyError):
        remedy = "check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY in the environment, or name the host in NO_PROXY"
        reason = f"the proxy of the environment does not let it be reached: {error}"
        return FetchError(source, "unreachable", reason, remedy, again=True)
    if isinstance(error, httpx2.RemoteProtocolError | httpx2.ReadError | httpx2.DecodingError):
        return FetchError(source, "unreachable", "its answer was cut off", again=True)
    return FetchError(source, "unreachable", f"it cannot be reached: {error or type(error).__name__}", again=True)

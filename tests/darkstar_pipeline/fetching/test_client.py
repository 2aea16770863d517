import threading
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.fetching.answers import Request
from darkstar_pipeline.fetching.client import Retries, SourceClient
from darkstar_pipeline.fetching.errors import FetchError
from darkstar_pipeline.fetching.pace import Pace
from tests.builders.certificates import certificate
from tests.builders.source_server import HTML, Reply, SourceServer, source_server

AT_ONCE = Retries(first_wait=0.0, longest_wait=0.05, jitter=0.0)
GOOD = Reply(body=b'{"price": 1}')


@pytest.fixture
def source() -> Generator[SourceServer]:
    with source_server() as server:
        yield server


@pytest.fixture
def client() -> Generator[SourceClient]:
    with SourceClient(retries=AT_ONCE, pace=Pace(0), seconds=5) as one:
        yield one


def asking(source: SourceServer, **more: object) -> Request:
    return Request(source="the market", url=f"{source.url}/prices", **more)  # pyright: ignore[reportArgumentType]


def failure(client: SourceClient, request: Request) -> FetchError:
    with pytest.raises(FetchError) as caught:
        client.ask(request)
    return caught.value


def test_an_answer_has_body_hash_and_the_time_of_the_source(source: SourceServer, client: SourceClient):
    source.serve(GOOD)
    answer = client.ask(asking(source, params={"area": "SE3"}))
    assert answer.json() == {"price": 1}
    assert len(answer.sha256) == 64
    assert answer.server_time is not None
    assert abs(answer.server_time - datetime.now(UTC)) < timedelta(minutes=1)
    assert source.asked[0].query == {"area": "SE3"}
    assert source.asked[0].headers["user-agent"].startswith("darkstar/")


@pytest.mark.parametrize(
    ("reply", "cause", "words", "times"),
    [
        pytest.param(Reply(status=401), "refused", "401", 1, id="401"),
        pytest.param(Reply(status=403), "refused", "403", 1, id="403"),
        pytest.param(Reply(status=404), "refused", "404", 1, id="404"),
        pytest.param(Reply(status=400), "refused", "400", 1, id="400"),
        pytest.param(
            Reply(status=301, headers={"Location": "http://elsewhere.example/x"}), "refused", "moved", 1, id="301"
        ),
        pytest.param(Reply(status=429), "refused", "too often", 3, id="429"),
        pytest.param(Reply(status=429, headers={"Retry-After": "900"}), "refused", "900 s", 1, id="429 for long"),
        pytest.param(Reply(status=429, headers={"Retry-After": "9" * 400}), "refused", "429", 1, id="429 for ever"),
        pytest.param(
            Reply(status=429, headers={"Retry-After": "\xb2"}), "refused", "429", 3, id="429 in small figures"
        ),
        pytest.param(
            Reply(status=429, headers={"Retry-After": "Fri, 31 Dec 9999 23:59:59 -0500"}),
            "refused",
            "429",
            3,
            id="429 long",
        ),
        pytest.param(Reply(status=500), "unreachable", "500", 3, id="500"),
        pytest.param(Reply(status=503), "unreachable", "503", 3, id="503"),
        pytest.param(Reply(body=b'{"price"', cut=4), "unreachable", "cut off", 3, id="truncated"),
        pytest.param(Reply(drop=True), "unreachable", "cut off", 3, id="dropped"),
        pytest.param(HTML, "wrong", "web page", 1, id="html"),
        pytest.param(Reply(body=HTML.body), "wrong", "web page", 1, id="html said to be JSON"),
        pytest.param(Reply(body=b"x", content_type="image/png"), "wrong", "image/png", 1, id="content type"),
        pytest.param(Reply(body=b" "), "wrong", "empty", 1, id="empty"),
        pytest.param(Reply(headers={"Content-Encoding": "gzip"}), "unreachable", "cut off", 3, id="not gzip"),
    ],
)
def test_a_fault_has_a_cause_a_reason_and_a_remedy(
    source: SourceServer, client: SourceClient, reply: Reply, cause: str, words: str, times: int
):
    source.serve(reply)
    error = failure(client, asking(source))
    assert (error.cause, len(source.asked)) == (cause, times)
    assert error.message.startswith("the market: ")
    assert words in error.message
    assert error.hint


def test_what_is_no_json_is_told_by_its_beginning(source: SourceServer, client: SourceClient):
    source.serve(Reply(body=b"SE3;0,5"))
    with pytest.raises(FetchError, match="else than JSON: 'SE3;0,5'"):
        client.ask(asking(source)).json()


@pytest.mark.parametrize(
    "first", [Reply(status=503), Reply(drop=True), Reply(status=429, headers={"Retry-After": "0"})]
)
def test_a_passing_fault_is_asked_again(source: SourceServer, client: SourceClient, first: Reply):
    source.serve(first, GOOD)
    assert client.ask(asking(source)).json() == {"price": 1}
    assert len(source.asked) == 2


def test_the_wait_that_a_source_asks_for_is_kept(source: SourceServer):
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    source.serve(Reply(status=503, headers={"Retry-After": later}))
    with SourceClient(retries=Retries(longest_wait=30), pace=Pace(0)) as client:
        error = failure(client, asking(source))
    assert error.retry_after == pytest.approx(3600, abs=5)
    assert len(source.asked) == 1


def test_a_silent_source_is_left_at_the_deadline(source: SourceServer):
    over = threading.Event()
    source.serve(Reply(wait=lambda: over.wait(10)))
    with SourceClient(retries=Retries(attempts=1), pace=Pace(0), seconds=0.1) as client:
        error = failure(client, asking(source))
    over.set()
    assert (error.cause, error.reason) == ("unreachable", "it does not answer within 0.1 s")


def test_a_source_that_is_not_there_is_unreachable(client: SourceClient):
    with source_server() as gone:
        request = asking(gone)
    assert failure(client, request).cause == "unreachable"
    assert failure(client, Request(source="x", url="http://a\x07b")).cause == "refused"


def test_an_endless_answer_is_refused(source: SourceServer):
    source.serve(Reply(body=b"0" * 10_000, zipped=True))
    with SourceClient(pace=Pace(0), n_bytes=1000) as client:
        assert "more than 1,000 bytes" in failure(client, asking(source)).message


def test_requests_to_a_host_keep_the_pace():
    waits: list[float] = []
    now = iter([0.0, 0.2, 0.4, 5.0])
    pace = Pace(1.0, clock=lambda: next(now), sleep=waits.append)
    for host in ("a", "a", "b", "a"):
        pace.wait(host)
    assert waits == [pytest.approx(0.8)]


def test_what_may_be_kept_is_not_asked_again(source: SourceServer, tmp_path: Path):
    source.serve(Reply(body=b'{"price": 1}', headers={"Cache-Control": "max-age=600"}))
    waits: list[str] = []

    class Counted(Pace):
        def wait(self, host: str) -> None:
            waits.append(host)

    for _ in range(2):
        with SourceClient(cache=tmp_path / "made" / "cache.sqlite", pace=Counted()) as client:
            first, again = client.ask(asking(source)), client.ask(asking(source))
            assert first.body == again.body
            assert (again.cached, again.server_time) == (True, None)
    assert (len(source.asked), len(waits)) == (1, 1)
    with SourceClient(cache=tmp_path / "made" / "cache.sqlite", pace=Pace(0)) as client:
        assert not client.ask(asking(source, fresh=True)).cached
    assert len(source.asked) == 2


def test_an_unchanged_answer_is_not_sent_again(source: SourceServer, tmp_path: Path):
    source.answer = lambda asked: Reply(
        status=304 if asked.headers.get("if-none-match") == '"a"' else 200, headers={"ETag": '"a"'}, body=b"[1]"
    )
    with SourceClient(cache=tmp_path / "cache.sqlite", pace=Pace(0)) as client:
        assert [client.ask(asking(source)).json() for _ in range(2)] == [[1], [1]]
    assert [asked.headers.get("if-none-match") for asked in source.asked] == [None, '"a"']


def test_nothing_of_a_request_with_a_token_is_kept(
    source: SourceServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
):
    caplog.set_level("DEBUG")
    source.serve(Reply(headers={"Cache-Control": "max-age=600"}))
    cache = tmp_path / "cache.sqlite"
    with SourceClient(cache=cache, pace=Pace(0), retries=AT_ONCE) as client:
        request = asking(source, params={"securityToken": "very-secret"}, secret=True)
        answer = client.ask(request)
        client.ask(request)
        source.serve(Reply(status=503), Reply(status=401))
        error = failure(client, request)
    assert len(source.asked) == 4
    shown = capsys.readouterr()
    assert "very-secret" not in f"{answer!r} {error!r} {error.message} {caplog.text} {shown.out} {shown.err}"
    assert not shown.out
    assert b"very-secret" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_tls_is_verified_and_an_authority_can_be_added(tmp_path: Path):
    file = certificate(tmp_path)
    with source_server(certificate=file) as source:
        source.serve(GOOD)
        with SourceClient(pace=Pace(0), retries=AT_ONCE) as client:
            error = failure(client, asking(source))
        assert error.cause == "unreachable"
        assert "certificate cannot be verified" in error.message
        assert "sources.ca_file" in error.hint
        with SourceClient(pace=Pace(0), ca_file=file) as client:
            assert client.ask(asking(source)).json() == {"price": 1}


def test_an_authority_that_cannot_be_read_is_told(tmp_path: Path):
    (tmp_path / "no.pem").write_text("no certificate")
    for name in ("no.pem", "missing.pem"):
        with pytest.raises(ConfigurationError, match="certificate authority"):
            SourceClient(ca_file=tmp_path / name)


def test_tests_reach_no_other_machine(client: SourceClient):
    asked = Request(source="the market", url="http://192.0.2.1/prices")
    assert failure(client, asked).reason == "it cannot be reached: DARKSTAR_OFFLINE is set"

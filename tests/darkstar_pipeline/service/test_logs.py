"""Log lines: JSON that machines read, without secrets, and nothing that moves a terminal's cursor."""

import io
import json
import logging
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.contextvars import bound_contextvars

from darkstar_pipeline.service.logs import REDACTED, configure_logs, redacted
from darkstar_pipeline.state.secrets import secret, without_secrets

SECRET = "s3cret-of-the-home"  # noqa: S105 - of nothing but this test
_log = logging.getLogger("darkstar_pipeline.service.tested")


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[io.StringIO]:
    """The log, with a secret that was read; everything is as before afterwards."""
    monkeypatch.setenv("DARKSTAR_TESTED", SECRET)
    assert secret("DARKSTAR_TESTED", tmp_path / "none") == SECRET
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure_logs(json=True, stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def documents(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_lines_are_json_with_level_time_and_request_when_logged_by_anybody(lines: io.StringIO) -> None:
    with bound_contextvars(request_id="abc"):
        _log.warning("the price of %s is %.2f", "now", 1.5)
    logging.getLogger("some.library").info("hello", extra={"slots": 96})
    first, second = documents(lines)
    assert (first["event"], first["level"], first["request_id"]) == ("the price of now is 1.50", "warning", "abc")
    assert first["logger"] == "darkstar_pipeline.service.tested"
    assert first["timestamp"].endswith("Z")
    assert (second["slots"], "request_id" in second) == (96, False)


@pytest.mark.parametrize(
    ("message", "extra"),
    [
        (f"it is {SECRET}!", {}),
        ("asked", {"url": f"http://x/?q={SECRET}"}),
        ("asked", {"headers": {"Authorization": f"Bearer {SECRET}", "deep": [{"note": SECRET}]}}),
        ("asked", {"object": Path("/") / SECRET}),
    ],
    ids=["message", "field", "deep", "object"],
)
def test_no_line_holds_a_secret_when_it_was_read_before(
    lines: io.StringIO, message: str, extra: dict[str, Any]
) -> None:
    _log.warning(message, extra=extra)
    assert SECRET not in lines.getvalue()
    assert REDACTED in lines.getvalue()


def test_no_traceback_holds_a_secret_when_something_fails(lines: io.StringIO) -> None:
    try:
        int(SECRET)
    except ValueError:
        _log.exception("failed")
    (line,) = documents(lines)
    assert SECRET not in lines.getvalue()
    assert "Traceback" in line["exception"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Authorization: Bearer abc.def-1", f"Authorization: Bearer {REDACTED}"),
        ("GET /plan?token=abc&x=1", f"GET /plan?token={REDACTED}&x=1"),
        ('{"password": "abc"}', f'{{"password": {REDACTED}"}}'),
        ("mqtt://me:abc@host/x", f"mqtt://{REDACTED}@host/x"),
        ("access_token=abc", f"access_token={REDACTED}"),
        ("a tokenizer of 5 tokens", "a tokenizer of 5 tokens"),
        ("\x1b[2Jgone\r\n", "\N{REPLACEMENT CHARACTER}[2Jgone\N{REPLACEMENT CHARACTER}\n"),
    ],
    ids=["bearer", "query", "json", "address", "field", "innocent", "escape"],
)
def test_text_is_redacted_when_it_looks_secret(text: str, wanted: str) -> None:
    assert redacted(text) == wanted


@pytest.fixture(scope="module")
def known_secret() -> None:
    """A secret that was read in this process."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DARKSTAR_TESTED_SECRET", SECRET)
        assert secret("DARKSTAR_TESTED_SECRET", None) == SECRET


@pytest.mark.usefixtures("known_secret")
@given(st.text(), st.text())
def test_redacting_never_fails_and_hides_known_secrets_when_text_is_anything(before: str, after: str) -> None:
    assert SECRET not in without_secrets(SECRET)
    assert SECRET not in redacted(before + SECRET + after)


def test_lines_are_plain_when_a_person_reads(lines: io.StringIO) -> None:
    plain = io.StringIO()
    configure_logs(json=False, stream=plain)
    _log.warning("the plan is late", extra={"token": "abc", "slots": 4})
    assert lines.getvalue() == ""
    assert "[warning" in plain.getvalue()
    assert "the plan is late" in plain.getvalue()
    assert "slots=4" in plain.getvalue()
    assert "abc" not in plain.getvalue()

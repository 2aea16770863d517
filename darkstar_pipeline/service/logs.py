"""Log lines: JSON for machines or plain for people, each with the request it belongs to, none with a secret.

Whatever logs through the standard library, ours and the libraries' alike, leaves through one handler. Secrets are taken
out by what they are (every secret that was read, see `secrets`), by the name of the field, and by how they look. The
request comes from the context in which a line is logged (`structlog.contextvars.bind_contextvars(request_id=…)`).
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO, cast

import structlog
from structlog.contextvars import merge_contextvars
from structlog.stdlib import ProcessorFormatter
from structlog.typing import Processor

from darkstar_pipeline.errors import REDACTED, without_credentials
from darkstar_pipeline.state.secrets import without_secrets as without_known_secrets

_SECRET_FIELD = re.compile(r"authorization|token|password|passwd|secret|cookie|api_?key", re.IGNORECASE)
_LOOKS_SECRET = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+"), rf"\1 {REDACTED}"),
    (
        re.compile(r"(?i)\b([\w-]*(?:token|password|passwd|secret|api_?key))(['\"]?\s*[=:]\s*)['\"]?[^\s'\"&,;]+"),
        rf"\1\2{REDACTED}",
    ),
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_QUIET = ("httpx", "httpx2", "httpcore", "httpcore2", "uvicorn.access", "paho")
"""They log every request, addresses and all."""


def configure_logs(*, json: bool, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Have everything that is logged in this process leave as lines on stderr.

    Args:
        json: one JSON object a line; otherwise plain text.
        level: lowest level that is logged.
        stream: stream to write to; None for stderr.
    """
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if json
        else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, sort_keys=False)
    )
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[
                merge_contextvars,
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.ExtraAdder(),
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[
                ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                without_secrets,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def without_secrets(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor: the line without secrets, and without characters that would move a terminal's cursor."""
    for name, value in line.items():
        line[name] = REDACTED if _SECRET_FIELD.search(name) else _cleaned(value)
    return line


def _cleaned(value: Any) -> Any:  # noqa: ANN401 - whatever was logged
    """A value without secrets, at any depth."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, dict):
        named = cast("dict[object, Any]", value)
        return {key: REDACTED if _SECRET_FIELD.search(str(key)) else _cleaned(inner) for key, inner in named.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(inner) for inner in cast("list[Any]", value)]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redacted(str(value))


def redacted(text: str) -> str:
    """A text without secrets and without control characters other than tabs and line ends."""
    text = without_credentials(without_known_secrets(text))
    for pattern, instead in _LOOKS_SECRET:
        text = pattern.sub(instead, text)
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)

"""The error of a source that gives no data: who is to blame, why, and what to do."""

from typing import Literal

from darkstar_pipeline.errors import OutsideServiceError

Cause = Literal["refused", "late", "wrong", "unreachable"]
"""refused: it does not want us (401, 403, 404, 429); late: not published yet; wrong: an answer that cannot be true or
read; unreachable: no answer (network, TLS, deadline, 5xx, an answer that was cut off)."""
ADVICE: dict[Cause, str] = {
    "refused": "check the settings of that source under `sources` in darkstar.yaml",
    "late": "nothing: it is asked again automatically",
    "wrong": "nothing for now: the next source is asked; if it stays so for days, take the source out of the order",
    "unreachable": "it is asked again automatically; check this machine's network if no source answers",
}


class FetchError(OutsideServiceError):
    """A source gives no data that can be used.

    Args:
        source: its name.
        cause: what kind of failure it is.
        reason: what happened, without the source's name.
        remedy: what to do; by default what helps with that cause.
        status: HTTP status; None where there was none.
        again: whether the same request may succeed at once.
        retry_after: wait that the source asks for [s].
    """

    code = "source"

    def __init__(
        self,
        source: str,
        cause: Cause,
        reason: str,
        remedy: str = "",
        *,
        status: int | None = None,
        again: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{source}: {reason}", remedy or ADVICE[cause])
        self.source, self.reason = source, reason
        self.cause: Cause = cause
        self.status, self.again, self.retry_after = status, again, retry_after

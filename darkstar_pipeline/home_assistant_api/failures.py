"""The error that Home Assistant does not answer as it should, with what to do."""

from typing import Literal

from darkstar_pipeline.errors import OutsideServiceError

TOKEN_VARIABLE = "DARKSTAR_HA_TOKEN"  # noqa: S105 - the name of a variable, not its value
Cause = Literal["unreachable", "late", "refused", "wrong"]


class HomeAssistantError(OutsideServiceError):
    """Home Assistant does not answer, or refuses a request.

    Args:
        message: what is wrong.
        hint: what to do about it.
        cause: `unreachable`, `late` (it is retried), `refused` (the token or the request), `wrong` (another server).
    """

    code = "home_assistant"

    def __init__(self, message: str, hint: str = "", *, cause: Cause = "wrong") -> None:
        super().__init__(message, hint)
        self.cause: Cause = cause

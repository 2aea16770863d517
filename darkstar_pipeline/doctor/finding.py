"""The result of a check."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from darkstar_pipeline.errors import DarkstarError, without_credentials


class Verdict(StrEnum):
    """The verdict of a check."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class CheckResult:
    """The result of a check.

    Attributes:
        check: its name.
        verdict: fail where something must be fixed before results can be trusted.
        detail: what was found.
        remedy: what to do; empty where all is well.
    """

    check: str
    verdict: Verdict
    detail: str
    remedy: str = ""

    def __post_init__(self) -> None:
        """Take credentials of addresses out of what is told."""
        object.__setattr__(self, "detail", without_credentials(self.detail))
        object.__setattr__(self, "remedy", without_credentials(self.remedy))


def passed(check: str, detail: str) -> CheckResult:
    """Return a passed check."""
    return CheckResult(check, Verdict.OK, detail)


def warned(check: str, detail: str, remedy: str) -> CheckResult:
    """Return a check with a warning."""
    return CheckResult(check, Verdict.WARN, detail, remedy)


def failed(check: str, detail: str, remedy: str) -> CheckResult:
    """Return a failed check."""
    return CheckResult(check, Verdict.FAIL, detail, remedy)


def found_by(
    check: str,
    look: Callable[[], CheckResult],
    *,
    otherwise: Callable[[str, str, str], CheckResult] = failed,
) -> CheckResult:
    """Return what a look finds; where it cannot look, why, so that the other checks go on.

    Args:
        check: name of the check.
        look: looks, and may raise a `DarkstarError`, for want of a file or an answer.
        otherwise: makes the result then.
    """
    try:
        return look()
    except DarkstarError as error:
        return otherwise(check, error.message, error.hint)

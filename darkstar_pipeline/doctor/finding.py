"""The result of a check."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Severity of a result."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class CheckResult:
    """The result of a check.

    Attributes:
        check: name of the check.
        verdict: fail where something must be repaired before results can be trusted.
        detail: what was found.
        remedy: what to do; empty where all is well.
    """

    check: str
    verdict: Verdict
    detail: str
    remedy: str = ""


def passed(check: str, detail: str) -> CheckResult:
    """Return the result of a check that passed."""
    return CheckResult(check, Verdict.OK, detail)


def warned(check: str, detail: str, remedy: str) -> CheckResult:
    """Return a result that deserves a look."""
    return CheckResult(check, Verdict.WARN, detail, remedy)


def failed(check: str, detail: str, remedy: str) -> CheckResult:
    """Return a result that requires a repair."""
    return CheckResult(check, Verdict.FAIL, detail, remedy)

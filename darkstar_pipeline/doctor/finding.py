"""What a check found."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class CheckResult:
    """What a check found.

    Attributes:
        check: its name.
        verdict: fail where something must be mended before results can be trusted.
        detail: what is so.
        remedy: what to do; empty where all is well.
    """

    check: str
    verdict: Verdict
    detail: str
    remedy: str = ""


def passed(check: str, detail: str) -> CheckResult:
    """All is well."""
    return CheckResult(check, Verdict.OK, detail)


def warned(check: str, detail: str, remedy: str) -> CheckResult:
    """Worth a look."""
    return CheckResult(check, Verdict.WARN, detail, remedy)


def failed(check: str, detail: str, remedy: str) -> CheckResult:
    """To be mended."""
    return CheckResult(check, Verdict.FAIL, detail, remedy)

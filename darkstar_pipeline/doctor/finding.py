"""What a check found."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
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


def fine(check: str, detail: str) -> Finding:
    """All is well."""
    return Finding(check, Verdict.OK, detail)


def odd(check: str, detail: str, remedy: str) -> Finding:
    """Worth a look."""
    return Finding(check, Verdict.WARN, detail, remedy)


def broken(check: str, detail: str, remedy: str) -> Finding:
    """To be mended."""
    return Finding(check, Verdict.FAIL, detail, remedy)

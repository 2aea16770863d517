"""The checks of `darkstar doctor`: what is wrong around the data, and what to do about it.

Each check is a function that says what it found; none of them repairs anything. What does not belong here: grading days
(`quality`), checking rows on import (`sources`).
"""

from darkstar_pipeline.doctor.examination import run_checks
from darkstar_pipeline.doctor.finding import CheckResult, Verdict

__all__ = ["CheckResult", "Verdict", "run_checks"]

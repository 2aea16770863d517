"""Processor time of the stages of a shard, and whose version it passed over."""

import time
from collections.abc import Generator
from contextlib import contextmanager


class Stages:
    """Processor time by stage, and why the version in use of a home was not replayed, by home."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.passed_over: dict[str, str] = {}

    def tell_passed_over(self, site: str, why: str) -> None:
        """Keep why the version of a home was passed over."""
        self.passed_over[site] = " ".join(why.split())

    @contextmanager
    def timed(self, stage: str) -> Generator[None]:
        """Count the time of a block for a stage."""
        began = time.process_time()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.process_time() - began

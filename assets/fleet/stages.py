"""Processor time of the stages of a shard."""

import time
from collections.abc import Generator
from contextlib import contextmanager


class Stages:
    """Processor time by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timed(self, stage: str) -> Generator[None]:
        """Count the time of a block for a stage."""
        began = time.process_time()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.process_time() - began

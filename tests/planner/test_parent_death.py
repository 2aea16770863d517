"""Workers of a pool end with the process that asked for them, however it ends."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

PARENT = """
import time
from planner.parallel import map_shards
if __name__ == "__main__":
    map_shards(time.sleep, [600.0, 600.0], workers=2)
"""


@pytest.mark.slow
def test_workers_end_when_their_parent_is_killed(tmp_path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen([sys.executable, str(script)])
    until = time.monotonic() + 30
    workers: list[psutil.Process] = []
    while len(workers) < 2 and time.monotonic() < until:
        time.sleep(0.2)
        children = psutil.Process(parent.pid).children(recursive=True)
        workers = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    time.sleep(2.0)  # until the workers have begun to work
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    gone, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive
    assert len(gone) == 2

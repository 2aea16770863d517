"""Workers of a pool end with the process that asked for them, however it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.builders.waiting import until

PARENT = """
import os, sys, time
from pathlib import Path
from planner.parallel import map_shards

def work(folder):
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(600)

if __name__ == "__main__":
    map_shards(work, [sys.argv[1], sys.argv[1]], workers=2)
"""


@pytest.mark.slow
def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    script, at_work = tmp_path / "parent.py", tmp_path / "at_work"
    script.write_text(PARENT)
    at_work.mkdir()
    parent = subprocess.Popen([sys.executable, str(script), str(at_work)])
    until(lambda: len(list(at_work.iterdir())) == 2, "both workers have begun to work", 60)
    workers = [psutil.Process(int(path.name)) for path in at_work.iterdir()]
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    gone, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive
    assert len(gone) == 2

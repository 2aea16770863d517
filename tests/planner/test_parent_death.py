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

STARTING = """
import os, signal, sys, time
from pathlib import Path
from planner.parallel import map_shards

if __name__ == "__mp_main__":  # a worker that imports
    Path(sys.argv[1], str(os.getpid())).touch()
    time.sleep(2)

def work(folder):
    (Path(folder) / f"at-{os.getpid()}").touch()
    time.sleep(600)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background work is started deaf to it
    try:
        map_shards(work, [sys.argv[1], sys.argv[1]], workers=2)
    except KeyboardInterrupt:
        print("interrupted")
"""


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("begun", ["[0-9]*", "at-*"], ids=["workers start", "workers work"])
def test_nothing_but_the_parent_is_heard_when_all_are_interrupted(begun: str, tmp_path: Path) -> None:
    script, folder = tmp_path / "parent.py", tmp_path / "workers"
    script.write_text(STARTING)
    folder.mkdir()
    command = [sys.executable, str(script), str(folder)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as parent:
        until(lambda: len(list(folder.glob(begun))) == 2, "both workers have begun", 60)
        workers = [psutil.Process(int(path.name.removeprefix("at-"))) for path in folder.glob(begun)]
        os.killpg(parent.pid, signal.SIGINT)
        try:
            out, err = parent.communicate(timeout=60)
        finally:
            parent.kill()  # else a test that fails waits for it
    assert (out, err) == ("interrupted\n", "")
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive


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

"""PyTorch's threads sleep while they wait."""

import subprocess
import sys
from pathlib import Path

import pytest

CODE = (
    "import os, sys; from planner.training.torch_threads import use_threads; use_threads(1)\n"
    "import torch; print(os.environ['OMP_WAIT_POLICY'], torch.get_num_threads())"
)


@pytest.mark.slow
def test_threads_sleep_while_they_wait_when_nobody_says_otherwise() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=Path(__file__).parents[3],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["PASSIVE", "1"]

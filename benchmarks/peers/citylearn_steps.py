"""Script for CityLearn's own environment: steps its single building and writes the time that took.

`python citylearn_steps.py FOLDER ANSWER`: the dataset's folder (`schema.json` and its tables), and the file to write
`{"steps", "seconds", "cpu_seconds", "version"}` into. Timed: `env.step` with prepared actions, resets included; the
building is loaded and stepped 100 times before. It is written for any Python that has CityLearn, and imports nothing of
ours.
"""

import json
import sys
import time
from pathlib import Path

WARM_UP, SECONDS = 100, 8.0


def main(folder: Path, answer: Path) -> None:
    """Step the building for a while."""
    from importlib.metadata import version

    from citylearn.citylearn import CityLearnEnv  # pyright: ignore[reportMissingImports] - in its own environment only

    env = CityLearnEnv(str(folder / "schema.json"))
    env.reset()
    actions = [[[level]] for level in (-0.2, 0.0, 0.3, 0.1)]
    over = False
    for step in range(WARM_UP):
        _, _, over, _, _ = env.step(actions[step % len(actions)])
    steps, begin, cpu_begin = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - begin < SECONDS:
        if over:
            env.reset()
        _, _, terminated, truncated, _ = env.step(actions[steps % len(actions)])
        over = terminated or truncated
        steps += 1
    document = {
        "steps": steps,
        "seconds": time.perf_counter() - begin,
        "cpu_seconds": time.process_time() - cpu_begin,
        "version": version("citylearn"),
    }
    answer.write_text(json.dumps(document), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

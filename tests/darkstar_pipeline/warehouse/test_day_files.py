"""Files of days become one frame, whatever is missing, and no lack of descriptors ends the process."""

import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest

from darkstar_pipeline.warehouse.day_files import UnreadableFileError, read_day_files

_STARVED = """
import os, resource, sys
from pathlib import Path
from darkstar_pipeline.warehouse.day_files import UnreadableFileError, prepare_reading, read_day_files
prepare_reading()
paths = [Path(name) for name in sys.argv[2:]]
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
taken = []
try:
    while True:
        taken.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
for descriptor in taken[:int(sys.argv[1])]:
    os.close(descriptor)
try:
    print(read_day_files(paths).height)
except UnreadableFileError as error:
    print(error)
"""


def written(folder: Path, *frames: pl.DataFrame) -> list[Path]:
    paths = [folder / f"{number}.parquet" for number in range(len(frames))]
    for path, frame in zip(paths, frames, strict=True):
        frame.write_parquet(path, compression="zstd")
    return paths


def by_duckdb(paths: list[Path]) -> pl.DataFrame:
    """The same files, read as they were before."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.from_parquet([str(path) for path in paths], union_by_name=True, hive_partitioning=False).pl()


@pytest.mark.parametrize(
    "frames",
    [
        [pl.DataFrame({"a": [2, 1], "b": ["x", None]}), pl.DataFrame({"a": [3], "b": ["y"]})],
        [pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [2], "b": [0.5]})],
        [pl.DataFrame({"a": [1], "b": [0.5]}), pl.DataFrame({"b": [1.5], "a": [2]})],
        [pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [2.5]})],
        [pl.DataFrame({"a": [1, 2]}).clear(), pl.DataFrame({"a": [3]})],
    ],
    ids=["same columns", "a column more", "another order", "another type", "an empty day"],
)
def test_files_give_the_frame_that_duckdb_gives(tmp_path: Path, frames: list[pl.DataFrame]) -> None:
    paths = written(tmp_path, *frames)
    got, expected = read_day_files(paths), by_duckdb(paths)
    assert got.equals(expected)
    assert got.schema == expected.schema


@pytest.mark.parametrize("spoilt", [b"", b"PAR1", b"PAR1" + b"\0" * 500 + b"PAR1"])
def test_a_damaged_file_is_named(tmp_path: Path, spoilt: bytes) -> None:
    paths = written(tmp_path, pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [2]}))
    paths[1].write_bytes(spoilt)
    with pytest.raises(UnreadableFileError, match=r"1\.parquet"):
        read_day_files(paths)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"gone\.parquet: No such file"):
        read_day_files([tmp_path / "gone.parquet"])


@pytest.mark.parametrize(("free", "expected"), [(0, "Too many open files"), (1, "30"), (3, "30")])
def test_the_process_lives_on_when_descriptors_run_out(tmp_path: Path, free: int, expected: str) -> None:
    paths = written(tmp_path, *(pl.DataFrame({"a": [number]}) for number in range(30)))
    command = [sys.executable, "-c", _STARVED, str(free), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert expected in done.stdout

"""The lock check finds what does not fit, without a network."""

import pytest

from scripts.lock import CONSTRAINTS, LOCKS, PYPROJECT, all_faults, blocks, faults, lock_faults, parsed, without_hashes

PYPROJECT_TEXT = """
[project]
dependencies = ["numpy>=2.4,<3", "Py_YAML>=6"]
[project.optional-dependencies]
dev = ["pyright[nodejs]>=1.1"]
bench = []
fleet = []
postgres = []
"""
NUMPY = "numpy==2.4.6 ; python_full_version < '3.12'\nnumpy==2.5.5 ; python_full_version >= '3.12'\n"
FITTING = NUMPY + "py-yaml==6.0.3\npyright==1.1.414\n"


def test_faults_finds_nothing_when_the_committed_files_are_compared() -> None:
    assert faults(PYPROJECT.read_text(), CONSTRAINTS.read_text()) == []
    assert all_faults() == []


def test_faults_finds_nothing_when_pins_differ_by_python_and_names_by_spelling() -> None:
    assert faults(PYPROJECT_TEXT, FITTING) == []


@pytest.mark.parametrize(
    ("constraints", "sentence"),
    [
        pytest.param(
            FITTING.replace("py-yaml==6.0.3\n", ""), "Py_YAML>=6 on Python 3.11: pinned to nothing", id="absent"
        ),
        pytest.param(FITTING.replace("6.0.3", "5.4"), "Py_YAML>=6 on Python 3.13: pinned to 5.4", id="out of range"),
        pytest.param(FITTING + "pyright==1.1.400\n", "pinned to 1.1.414, 1.1.400", id="twice"),
        pytest.param(
            FITTING.splitlines()[0], "numpy<3,>=2.4 on Python 3.12: pinned to nothing", id="one Python left out"
        ),
        pytest.param(FITTING + "nvidia-cublas==13.1.1.3\n", "CUDA package: nvidia-cublas==13.1.1.3", id="cuda"),
    ],
)
def test_faults_names_the_requirement_when_a_pin_does_not_fit(constraints: str, sentence: str) -> None:
    assert any(sentence in fault for fault in faults(PYPROJECT_TEXT, constraints))


def test_blocks_keep_every_other_pin_when_the_resolver_lists_a_gpu_build() -> None:
    compiled = (
        "# made by a resolver\ncuda-bindings==13.5.0 \\\n    --hash=sha256:1\nnumpy==2.4.6 \\\n    --hash=sha256:2 \\\n"
        "    --hash=sha256:3\ntorch==2.13.0\ntriton==3.7.1 ; os_name == 'posix' \\\n    --hash=sha256:4\n"
    )
    kept = blocks(compiled)
    assert [without_hashes(block) for block in kept] == ["numpy==2.4.6", "torch==2.13.0"]
    assert kept[0].endswith("sha256:3")


HASH = "sha256:" + "0" * 64
LOCK = f"numpy==2.4.6 ; python_full_version < '3.12' \\\n    --hash={HASH}\npyright==1.1.414 \\\n    --hash={HASH}\n"
KNOWN = "numpy==2.4.6 ; python_full_version < '3.12'\npyright==1.1.414\ntorch==2.13.0\n"


@pytest.mark.parametrize(
    ("lock", "sentence"),
    [
        pytest.param(LOCK, "", id="fits"),
        pytest.param(LOCK.replace(f" \\\n    --hash={HASH}\npyright", "\npyright"), "has no hash", id="no hash"),
        pytest.param(LOCK.replace("1.1.414", "1.1.400"), "pyright==1.1.4", id="another version"),
        pytest.param(LOCK + f"torch==2.13.0 --hash={HASH}\n", "torch is in it", id="torch"),
        pytest.param(LOCK.split("pyright", maxsplit=1)[0], "pyright==1.1.414 is missing", id="incomplete"),
    ],
)
def test_lock_faults_names_what_is_wrong(lock: str, sentence: str) -> None:
    problems = lock_faults("lock", lock, KNOWN, complete=True)
    assert bool(problems) == bool(sentence)
    assert all(sentence in problem for problem in problems)


@pytest.mark.parametrize("name", ["development", "image", "build"])
def test_committed_lock_has_a_hash_for_every_package_and_names_no_place(name: str) -> None:
    text = (LOCKS / f"{name}.txt").read_text()
    assert "://" not in text
    assert " @ " not in text
    assert all(pin.hashes for pin in parsed(text))
    assert len(text.encode()) < 1_000_000


def test_committed_constraints_name_no_place_when_read() -> None:
    text = CONSTRAINTS.read_text()
    assert "://" not in text
    assert " @ " not in text
    assert "torch==2.13.0" in text.splitlines()

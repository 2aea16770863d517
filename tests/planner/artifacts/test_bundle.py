"""A bundle is read whole and as it was written, or refused with the reason."""

import json
from pathlib import Path

import pytest

from planner.artifacts.bundle import MANIFEST, Manifest, read_bundle, save_bundle
from planner.errors import PolicyMismatchError

FILES = {"weights.bin": b"\x00\x01", "notes.json": b"{}"}
WRITTEN = Manifest(kind="rl", algorithm="ppo", tariff="abc")


def test_bundle_is_the_same_when_it_is_read_again(tmp_path: Path) -> None:
    written = save_bundle(tmp_path / "v1", WRITTEN, FILES)
    read = read_bundle(tmp_path / "v1", kind="rl", tariff="abc")
    assert (read.manifest, read.files, read.identity) == (written.manifest, FILES, written.identity)
    assert save_bundle(tmp_path / "v1", WRITTEN, FILES).identity == written.identity
    assert [path.name for path in tmp_path.iterdir()] == ["v1"]


def test_bundle_has_another_identity_when_a_file_differs(tmp_path: Path) -> None:
    one = save_bundle(tmp_path / "v1", WRITTEN, FILES)
    assert save_bundle(tmp_path / "v2", WRITTEN, {**FILES, "notes.json": b"[]"}).identity != one.identity


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"schema_version": 1}, "schema 2 can be read, this one is 1", id="earlier schema"),
        pytest.param({"kind": "aurora"}, "kind aurora, not rl", id="another kind"),
        pytest.param({"tariff": "xyz"}, "trained under tariff xyz, the site's is abc", id="another tariff"),
        pytest.param({"moon": 1}, "manifest cannot be read: moon", id="unknown field"),
        pytest.param({"kind": 1, "moon": 1}, "read: kind: .*; moon: Extra", id="several wrong fields"),
        pytest.param({"files": {"../weights.bin": "0"}}, "no plain file name", id="path out of the folder"),
        pytest.param({"files": {"other.bin": "0"}}, "other.bin cannot be read", id="missing file"),
    ],
)
def test_bundle_is_refused_when_its_manifest_says_otherwise(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    save_bundle(tmp_path / "v1", WRITTEN, FILES)
    path = tmp_path / "v1" / MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(PolicyMismatchError, match=message):
        read_bundle(tmp_path / "v1", kind="rl", tariff="abc")


def test_bundle_is_refused_when_a_file_is_damaged_or_nothing_is_there(tmp_path: Path) -> None:
    save_bundle(tmp_path / "v1", WRITTEN, FILES)
    (tmp_path / "v1" / "weights.bin").write_bytes(b"\x00\x02")
    with pytest.raises(PolicyMismatchError, match=r"weights.bin is not the file"):
        read_bundle(tmp_path / "v1")
    with pytest.raises(PolicyMismatchError, match="no bundle can be read there"):
        read_bundle(tmp_path / "v2")
    (tmp_path / "v1" / MANIFEST).write_text("{")
    with pytest.raises(PolicyMismatchError, match="the manifest cannot be read"):
        read_bundle(tmp_path / "v1")


def test_bundle_fits_every_tariff_when_it_names_none(tmp_path: Path) -> None:
    save_bundle(tmp_path / "v1", WRITTEN.model_copy(update={"tariff": ""}), FILES)
    assert read_bundle(tmp_path / "v1", tariff="abc").manifest.tariff == ""

"""Base images get the digests that a registry really sends, all of them or none, and a missing one is refused."""

import hashlib
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scripts.pin_images import DEPLOY, FILES, pin, references, registry_digest, unpinned

INDEX = json.dumps({"manifests": [{"platform": {"architecture": "amd64"}}]}).encode()
DIGEST = f"sha256:{hashlib.sha256(INDEX).hexdigest()}"
IMAGES = ["postgres:17", "python:3.12-slim", "versity/versitygw:v1.8.0"]


class Registry(BaseHTTPRequestHandler):
    """A registry that has one image, lies about another, and has a manifest without an index."""

    def do_GET(self) -> None:
        if self.path.startswith("/token"):
            self.tell(b'{"token": "pull"}')
        elif self.headers.get("Authorization") != "Bearer pull":
            self.send_error(401)
        elif self.path == "/v2/library/python/manifests/3.12-slim":
            self.tell(INDEX, DIGEST)
        elif self.path == "/v2/library/python/manifests/lie":
            self.tell(INDEX, "sha256:" + "0" * 64)
        elif self.path == "/v2/some/where/manifests/1":
            self.tell(b'{"layers": []}')
        else:
            self.send_error(404)

    def tell(self, body: bytes, digest: str = "") -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Content-Digest", digest)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Says nothing."""


@pytest.fixture(scope="module")
def registry() -> Generator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        text = re.sub(r"@sha256:[0-9a-f]{64}", "", (DEPLOY / name).read_text())
        (tmp_path / name).write_text(text)
    return tmp_path


def test_digest_is_that_of_what_the_registry_sends(registry: str) -> None:
    log_in = f"{registry}/token?scope={{repository}}"
    assert registry_digest("python:3.12-slim", registry=registry, log_in=log_in) == DIGEST
    with pytest.raises(ValueError, match="calls python:lie sha256:0000"):
        registry_digest("python:lie", registry=registry, log_in=log_in)
    with pytest.raises(ValueError, match="no index"):
        registry_digest("some/where:1", registry=registry, log_in=log_in)
    with pytest.raises(OSError, match="404"):
        registry_digest("python:none", registry=registry, log_in=log_in)
    with pytest.raises(OSError, match="401"):
        registry_digest("python:3.12-slim", registry=registry, log_in="")


def test_every_image_that_a_deployed_file_names_is_pinned(folder: Path) -> None:
    named = {image for name in FILES for image, _ in references((folder / name).read_text())}
    assert sorted(named) == IMAGES
    assert len(unpinned(folder)) == 9
    assert pin(folder, lambda _: DIGEST) == [f"{image}@{DIGEST}" for image in IMAGES]
    assert unpinned(folder) == []
    newer = "sha256:" + "1" * 64
    pin(folder, lambda _: newer)
    assert DIGEST not in (folder / "Dockerfile").read_text(), "a second time takes the newer one"
    froms = re.findall(r"(?m)^FROM (\S+)", "".join((folder / name).read_text() for name in FILES if "Docker" in name))
    assert set(froms) == {"${PYTHON_IMAGE}", "${BUILD_FROM}"}, "no base image is named in another way"


def test_no_file_changes_when_one_digest_is_missing(folder: Path) -> None:
    def failing(image: str) -> str:
        if image.startswith("python"):
            raise OSError(image)
        return DIGEST

    with pytest.raises(OSError, match="python"):
        pin(folder, failing)
    assert len(unpinned(folder)) == 9


@pytest.mark.skipif(shutil.which("sh") is None, reason="runs a line of the Dockerfiles")
@pytest.mark.parametrize("file", ["Dockerfile", "home_assistant_addon/Dockerfile"])
@pytest.mark.parametrize(
    ("image", "allow", "code"),
    [("python:3.12-slim", "", 1), ("python:3.12-slim", "1", 0), (f"python:3.12-slim@{DIGEST}", "", 0)],
)
def test_build_is_refused_without_a_digest_unless_told_otherwise(file: str, image: str, allow: str, code: int) -> None:
    line = re.search(r"^RUN (case .*?esac)$", (DEPLOY / file).read_text(), re.DOTALL | re.MULTILINE)
    assert line is not None
    settings = {"PYTHON_IMAGE": image, "BUILD_FROM": image, "ALLOW_UNPINNED": allow, "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["sh", "-c", line[1]], env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert ("run scripts/pin_images.py" in done.stderr) == (code == 1)

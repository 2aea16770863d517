"""Write the digests of the base images into the files under `deploy/`, or check offline that they are there.

A tag such as `python:3.12-slim` is another image tomorrow; a digest names its bytes. The registry is asked for the
manifest of every tag that the files name, and the digest is computed here from what it sends. Only Python's own library
is used, so that any `python3` runs it; run it again to take a newer base image.

Without digests, the Dockerfiles refuse to build, and `.ci/run` refuses a commit with a version tag.
"""

import argparse
import hashlib
import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

DEPLOY = Path(__file__).resolve().parents[1] / "deploy"
FILES = (
    "Dockerfile",
    "home_assistant_addon/Dockerfile",
    "home_assistant_addon/build.yaml",
    "compose.postgres.yaml",
    "compose.fleet.yaml",
    "kubernetes/overlays/dev/postgres.yaml",
    "kubernetes/overlays/dev/store.yaml",
)
REFERENCE = re.compile(
    r"(?m)^(?P<before>(?:ARG \w+=| *(?:image|aarch64|amd64): ))"
    r"(?P<image>[a-z0-9]+(?:[./_-][a-z0-9]+)*:[\w.-]+)(?P<digest>@sha256:[0-9a-f]{64})?$"
)
REGISTRY = "https://registry-1.docker.io"
LOG_IN = "https://auth.docker.io/token?service=registry.docker.io&scope=repository:{repository}:pull"
# An index lists the builds for every processor, and so does its digest.
ACCEPT = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json"
SECONDS, MOST_BYTES = 30, 1_000_000


def references(text: str) -> list[tuple[str, bool]]:
    """Return the base images that a file names, and whether each has a digest."""
    return [(match["image"], match["digest"] is not None) for match in REFERENCE.finditer(text)]


def unpinned(folder: Path) -> list[str]:
    """Return a line for every base image without a digest."""
    return [
        f"{name}: {image} has no digest"
        for name in FILES
        for image, pinned in references((folder / name).read_text(encoding="utf-8"))
        if not pinned
    ]


def pin(folder: Path, digest_of: Callable[[str], str]) -> list[str]:
    """Write the digests into the files; return every image with its digest. No file is written where one is missing."""
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in FILES}
    images = sorted({image for text in texts.values() for image, _ in references(text)})
    digests = {image: digest_of(image) for image in images}
    for name, text in texts.items():
        new = REFERENCE.sub(lambda match: f"{match['before']}{match['image']}@{digests[match['image']]}", text)
        (folder / name).write_text(new, encoding="utf-8")
    return [f"{image}@{digest}" for image, digest in digests.items()]


def registry_digest(image: str, *, registry: str = REGISTRY, log_in: str = LOG_IN) -> str:
    """Return the digest of an image's index, as computed from what the registry sends.

    Args:
        image: name and tag, such as `python:3.12-slim`.
        registry: address of the registry.
        log_in: address that gives a token for a `{repository}`; empty for none.

    Raises:
        OSError: the registry cannot be reached, or has no such image.
        ValueError: what it sends is no index, or not what it says.
    """
    name, _, tag = image.partition(":")
    repository = name if "/" in name else f"library/{name}"
    headers = {"Accept": ACCEPT}
    if log_in:
        body, _ = _asked(log_in.format(repository=repository), {})
        headers["Authorization"] = f"Bearer {json.loads(body)['token']}"
    body, told = _asked(f"{registry}/v2/{repository}/manifests/{tag}", headers)
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    if told and told != digest:
        raise ValueError(f"the registry calls {image} {told}, and sends {digest}")
    if not json.loads(body).get("manifests"):
        raise ValueError(f"the registry sends no index of {image}")
    return digest


def _asked(url: str, headers: dict[str, str]) -> tuple[bytes, str]:
    """Return the body of an answer, and the digest that its header names."""
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - our own addresses
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
        return answer.read(MOST_BYTES), answer.headers.get("Docker-Content-Digest", "")


def main() -> None:
    """Run from the command line; exits non-zero with a sentence per fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only look whether every base image has a digest, offline")
    options = parser.parse_args()
    if options.check:
        if missing := unpinned(DEPLOY):
            sys.exit("\n".join(["base images are not pinned; run `python3 scripts/pin_images.py`:", *missing]))
        return
    try:
        pinned = pin(DEPLOY, registry_digest)
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"no digests, and nothing was changed: {error}; run it where {REGISTRY} can be reached")
    sys.stdout.write("".join(f"{each}\n" for each in pinned))


if __name__ == "__main__":
    main()

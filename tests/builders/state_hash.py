"""A hash of a state folder, to show that nothing in it was written."""

import hashlib
from pathlib import Path


def state_hash(folder: Path) -> str:
    """A hash of every file of a folder, by name and content."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return digest.hexdigest()

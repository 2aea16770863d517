"""Bring MLflow's alias `champion` to the version that the pointer names, at once or in the background.

Importing MLflow takes 2 s, and 12 s on a busy machine: a promotion or rollback must not wait for that, nor for a server
that does not answer. It therefore leaves a mark beside the pointer, and a process of its own sets the alias
(`python -m darkstar_pipeline.models.alias_follower STATE_FOLDER SITE FAMILY`) and removes the mark. Whatever becomes of
that process, the mark says that the alias lags, and the next `darkstar models` sets it. Nothing here can undo a
promotion or let it fail.
"""

import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from darkstar_pipeline.models.aliases import set_champion_alias
from darkstar_pipeline.models.champion_pointer import read_pointer
from darkstar_pipeline.models.version import RegisteredModel
from darkstar_pipeline.state.file_lock import hold_lock, is_locked
from darkstar_pipeline.tracking.mlflow_store import store_exists

if TYPE_CHECKING:
    from darkstar_pipeline.models.version import Family

PENDING = "alias_pending"
"""The mark: its presence says that the alias may differ from the pointer."""
_LOCK = ".alias.lock"  # of whoever sets the alias; the model's own lock is never held while MLflow is asked
_background: list["subprocess.Popen[bytes]"] = []
_log = logging.getLogger(__name__)


def mark_alias_pending(model: RegisteredModel) -> None:
    """Note that the pointer has changed; without an MLflow store there is no alias to set.

    A disk that does not take the note, or a store that may not be looked at, is logged and stops nothing.
    """
    try:
        if store_exists(model.home):
            (model.folder / PENDING).touch()
    except OSError as error:
        _log.warning("MLflow's alias of %s may lag behind the version in use: %s", model.name, error)


def alias_is_pending(model: RegisteredModel) -> bool:
    """Return whether MLflow's alias may differ from the pointer."""
    return (model.folder / PENDING).exists()


def update_alias(model: RegisteredModel) -> bool:
    """Set a pending alias: here where MLflow is imported already, else by a process in the background.

    Returns:
        Whether the alias names the same version as the pointer.
    """
    if not alias_is_pending(model):
        return True
    if is_locked(model.folder / _LOCK):
        return False  # another process sets it, or waits for a store that does not answer
    if "mlflow" in sys.modules:
        return follow_pointer(model)
    _start(model)
    return False


def follow_pointer(model: RegisteredModel) -> bool:
    """Set a pending alias, waiting for MLflow.

    Returns:
        Whether the alias names the same version as the pointer; False where MLflow did not set it.
    """
    if not alias_is_pending(model):
        return True
    with hold_lock(model.folder / _LOCK):
        while alias_is_pending(model):
            pointer = read_pointer(model.folder)
            try:
                set_champion_alias(model, None if pointer is None else pointer.version)
            except Exception as error:  # noqa: BLE001 - the pointer has changed, whatever MLflow makes of it
                _log.warning("MLflow's alias of %s does not follow the pointer: %s", model.name, error)
                return False
            with hold_lock(model.lock):
                if read_pointer(model.folder) == pointer:  # else it changed meanwhile, and the alias follows again
                    (model.folder / PENDING).unlink(missing_ok=True)
    return True


def _start(model: RegisteredModel) -> None:
    """Start a process that sets the alias, in a session of its own, so that it outlives the command."""
    _background[:] = [process for process in _background if process.poll() is None]
    words = [str(model.home.absolute()), model.site, model.family]
    try:
        process = subprocess.Popen(  # noqa: S603 - our own command, no shell
            [sys.executable, "-P", "-m", __name__, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        _log.warning("MLflow's alias of %s is not set yet: %s", model.name, error)
        return
    _background.append(process)


def main(words: Sequence[str]) -> int:
    """Set the alias of one model; return 0 where it names the pointer's version."""
    home, site, family = words
    return 0 if follow_pointer(RegisteredModel(Path(home), site, cast("Family", family))) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

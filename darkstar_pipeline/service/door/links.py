"""One-time links that open the door, and the token's hash for the processes whose door it is."""

import os
import sys
import webbrowser
from pathlib import Path

from darkstar_pipeline.context import open_context
from darkstar_pipeline.service.door.door_page import DOOR_PATH
from darkstar_pipeline.service.http.sessions import kept_sessions
from darkstar_pipeline.service.http.tokens import TOKEN_VARIABLE, AccessToken, checked_token, service_token
from darkstar_pipeline.state.atomic_files import atomic_write
from planner.artifacts.atomic_files import make_folder

LINK_SECONDS = 15 * 60
DIGEST_VARIABLE = "DARKSTAR_TOKEN_SHA256"
"""Hands the token's hash to a page's process, which need not know the token."""
OPENING_FILE = "open.html"


def one_time_link(home: Path, token: AccessToken, url: str) -> str:
    """Return a link to a page that lets in whoever opens it first, within a quarter of an hour."""
    return f"{url}{DOOR_PATH}/open/{kept_sessions(home, token).store.issue('link', LINK_SECONDS)}"


def passed_token() -> AccessToken:
    """Return the token that opens the door: as handed over, else as the configuration says.

    Programs that this process starts do not inherit what was handed over.

    Raises:
        ConfigurationError: the token is too short, or its file can be read by others, or no site can be chosen.
    """
    digest = os.environ.pop(DIGEST_VARIABLE, "")
    if digest:
        return AccessToken(digest=digest)
    given = bool(os.environ.get(TOKEN_VARIABLE))  # then there need not be a configuration yet
    return AccessToken(checked_token(None) if given else service_token(open_context()))


def open_in_browser(link: str, folder: Path) -> Path | None:
    """Have the person's browser open a link, by a file that they alone can read.

    The link itself would stand in the browser's command line, which every user of the machine can read.

    Returns:
        The file, to be removed once the pages stop; None where there is no screen.
    """
    if sys.platform == "linux" and not _has_screen():
        return None
    make_folder(folder, 0o700)
    path = folder / OPENING_FILE
    with atomic_write(path) as temporary:
        temporary.touch(mode=0o600)
        temporary.write_text(f'<meta http-equiv="refresh" content="0;url={link}"><a href="{link}">Darkstar</a>\n')
    webbrowser.open(path.as_uri())
    return path


def _has_screen() -> bool:
    """Return whether a browser has a window to open; without one, text browsers would take the terminal."""
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))

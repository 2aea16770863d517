"""The name of the person who gives a command, for journals."""

import getpass


def user_name() -> str:
    """Return the name of the user, as far as the system knows it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without users, on Python before and after 3.13
        return "unknown"

"""Certificate authorities that a person adds to those of the system; verification itself cannot be turned off."""

import ssl
from pathlib import Path

from darkstar_pipeline.errors import ConfigurationError


def with_authority(context: ssl.SSLContext, ca_file: Path | None) -> ssl.SSLContext:
    """Return a context that trusts one more authority.

    Args:
        context: what is trusted already.
        ca_file: certificate of the authority (PEM); None for none.

    Raises:
        ConfigurationError: the file holds none.
    """
    if ca_file is None:
        return context
    try:
        context.load_verify_locations(cafile=ca_file.expanduser())
    except OSError as error:
        reason = "it holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        message = f"{ca_file} cannot be read as a certificate authority: {reason}"
        raise ConfigurationError(message, "set sources.ca_file to a PEM file, or to null") from error
    return context

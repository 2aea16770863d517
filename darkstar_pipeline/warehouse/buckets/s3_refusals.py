"""Remedies for what an S3 server refuses, by the code in its answer."""

import re

KEYS_REMEDY = "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, the clock and what the key may do"
_REGION = "set AWS_REGION to the region of the bucket"
_REMEDIES = {
    "AccessDenied": KEYS_REMEDY,
    "InvalidAccessKeyId": KEYS_REMEDY,
    "SignatureDoesNotMatch": KEYS_REMEDY,
    "ExpiredToken": "renew AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN",
    "InvalidToken": "renew AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN",
    "RequestTimeTooSkewed": "set the clock of this machine (or of the server): they are more than 15 minutes apart",
    "AuthorizationHeaderMalformed": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "PermanentRedirect": _REGION,
    "QuotaExceeded": "free space in the bucket, or raise its quota",
}
_CODE = re.compile(r"<Code>(\w+)</Code>")
_MESSAGE = re.compile(r"<Message>([^<]*)")
_REDIRECTED = "incorrectly configured region"  # obstore reads no code of such an answer


def remedy(error: object) -> str | None:
    """Return how a person mends what a server refused; None where nothing is known of it.

    Args:
        error: of obstore.
    """
    text = str(error)
    if _REDIRECTED in text:
        return _REGION
    found = _CODE.search(text)
    if found is not None:
        return _REMEDIES.get(found[1])
    return KEYS_REMEDY if "403 Forbidden" in text else None


def told(error: object) -> str | None:
    """Return what a server said, in its own words but without the rest of its answer; None where it said nothing.

    >>> told("400: <Error><Code>ExpiredToken</Code><Message>It has expired.</Message><Key>k</Key></Error>")
    'ExpiredToken: It has expired.'
    """
    text = str(error)
    code, message = _CODE.search(text), _MESSAGE.search(text)
    if code is None:
        return None
    return f"{code[1]}: {' '.join(message[1].split())}" if message is not None and message[1].strip() else code[1]


def is_no_object_store(error: object) -> bool:
    """Return whether a server says that nothing is there, but not as one that speaks S3 says it of an object."""
    text = str(error)
    return "404 Not Found" in text and "NoSuchKey" not in text

"""Settings of the ways in which a person is told that data does not come, and that it comes again."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from darkstar_pipeline.config.base import HOST, Frozen

Address = Annotated[str, Field(pattern=r"^[^@\s<>,;:]+@[^@\s<>,;:]+$", max_length=254)]
"""A plain e-mail address."""


class EmailSettings(Frozen):
    """A server that takes e-mail, and whom it is for."""

    host: str = Field(pattern=HOST, description="mail server, without scheme or port")
    port: int = Field(default=587, ge=1, le=65_535, description="its port: 587 for starttls, 465 for tls")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="how the connection is encrypted; none: a server in the house that asks no name"
    )
    sender: Address = Field(description="address that it is from")
    to: tuple[Address, ...] = Field(min_length=1, description="addresses that it goes to")
    username: str | None = Field(
        default=None, description="name at the server; the password is DARKSTAR_SMTP_PASSWORD, or in password_file"
    )
    password_file: Path | None = Field(default=None, description="file with the password, readable by its owner alone")

    @model_validator(mode="after")
    def _hides_its_password(self) -> "EmailSettings":
        if self.security == "none" and self.username is not None:
            message = "username with security: none would send the password in clear: use starttls or tls"
            raise ValueError(message)
        return self


class NotificationSettings(Frozen):
    """Ways in which a person is told, once, that data does not come or a job fails, and when it is mended."""

    home_assistant: str | None = Field(
        default=None,
        pattern=r"^notify\.[a-z0-9_]+$",
        description="action of Home Assistant, such as notify.mobile_app_phone; null: none",
    )
    webhook_file: Path | None = Field(
        default=None,
        description="file with the address that messages are posted to as JSON, readable by its owner alone; or "
        "DARKSTAR_WEBHOOK_URL",
    )
    email: EmailSettings | None = Field(default=None, description="e-mail; null: none")

    @field_validator("webhook_file")
    @classmethod
    def _is_a_file(cls, path: Path | None) -> Path | None:
        if path is not None and path.parts[0] in ("http:", "https:"):
            message = "is an address: write it into a file that its owner alone can read, and name that file here"
            raise ValueError(message)
        return path

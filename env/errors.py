"""The base of all errors of `env` and `planner`, and the errors of `env`: a home that is described wrongly."""


class CodedError(Exception):
    """An error with a stable code for programs and a hint for people.

    The message says what is wrong, with value and limit. Classes set defaults; an instance may set its own hint.

    Attributes:
        code: short identifier, the same in every error document; `bug` where no person can do anything about it.
        hint: what to do about it; empty where there is nothing to say.
    """

    code: str = "bug"
    hint: str = ""


class EnvError(CodedError):
    """Root of the errors of `env`."""

    code = "configuration"
    hint = "correct darkstar.yaml"


class TimeZoneError(EnvError):
    """A time zone that is not in the IANA database."""

    def __init__(self, name: str) -> None:
        super().__init__(f"time zone {name!r} is not in the IANA database; use a name such as Europe/Stockholm")


class BatteryError(EnvError):
    """A battery that cannot exist."""


class DeviceError(EnvError):
    """A device that cannot exist."""


class LimitsError(EnvError):
    """A limit that is not a power."""


class TariffError(EnvError):
    """A tariff that cannot be applied."""


class MissingTariffError(TariffError):
    """No tariff version is in force on a day."""

    def __init__(self, day: object, first: object) -> None:
        super().__init__(f"no tariff is in force on {day}; the first starts {first}; add a version that starts earlier")


class ShapeError(EnvError):
    """Arrays whose shapes do not fit together: a mistake of the caller, not of the configuration."""

    code = CodedError.code
    hint = CodedError.hint


class EpisodeError(EnvError):
    """Episodes that no environment can run: a mistake of the caller, not of the configuration."""

    code = CodedError.code
    hint = CodedError.hint


class ActionError(EnvError):
    """An action that is not a number, or outside the action space: a mistake of the caller."""

    code = CodedError.code
    hint = CodedError.hint

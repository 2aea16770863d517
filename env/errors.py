"""What can be wrong with the world as described: one small tree, each message with value, limit and remedy."""


class EnvError(Exception):
    """Root of the errors of `env`."""


class TimeZoneError(EnvError):
    """A time zone that the IANA database does not know."""

    def __init__(self, name: str) -> None:
        super().__init__(f"time zone {name!r} is not in the IANA database; use a name such as Europe/Stockholm")


class BatteryError(EnvError):
    """A battery that cannot exist."""


class DeviceError(EnvError):
    """A device that cannot exist."""


class LimitsError(EnvError):
    """A limit that is no power."""


class TariffError(EnvError):
    """A tariff that cannot be applied."""


class MissingTariffError(TariffError):
    """No tariff version is in force on a day."""

    def __init__(self, day: object, first: object) -> None:
        super().__init__(f"no tariff is in force on {day}; the first starts {first}; add a version that starts earlier")


class ShapeError(EnvError):
    """Arrays whose shapes do not fit together."""


class EpisodeError(EnvError):
    """Episodes that no environment can run."""


class ActionError(EnvError):
    """An action that is none: not a number, or outside what may be asked for."""

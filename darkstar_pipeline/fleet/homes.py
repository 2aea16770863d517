"""The homes of a fleet: a mapping from name to settings that are made of a row when they are asked for."""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property, lru_cache

import polars as pl
from pydantic import ValidationError

from darkstar_pipeline.config.base import SettingError
from darkstar_pipeline.config.fleet.columns import HOMES_SCHEMA, SITE, TENANT
from darkstar_pipeline.config.fleet.rows import row_settings
from darkstar_pipeline.config.fleet.settings import FleetSettings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.config.validation import describe_validation
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.warehouse.buckets.object_names import bucket_of

_SHARED_SETTINGS = 4096
"""Settings that are kept at once, 10 kB each; homes whose rows differ by name alone have the same ones."""


class FleetHomes(Mapping[str, SiteSettings]):
    """The homes of a fleet, or of a part of it, in the order of their names.

    Settings are made on demand (0.1 ms), and once for homes that are alike. It can be sent to another process.

    Args:
        fleet: what the homes share.
        rows: a row a home, of `HOMES_SCHEMA`.
    """

    def __init__(self, fleet: FleetSettings, rows: pl.DataFrame) -> None:
        self.fleet = fleet
        self.rows = rows.select(HOMES_SCHEMA.names()).sort(SITE)
        self._made = lru_cache(maxsize=_SHARED_SETTINGS)(self._make)
        self._zones: dict[str, str] = {}

    def __reduce__(self) -> tuple[type["FleetHomes"], tuple[FleetSettings, pl.DataFrame]]:
        """Return what it is made of again in another process."""
        return FleetHomes, (self.fleet, self.rows)

    def __getitem__(self, site: str) -> SiteSettings:
        """Return the settings of a home.

        Raises:
            KeyError: there is none of that name.
            ConfigurationError: its row does not fit what the configuration says by now.
        """
        cells = self._cells(site)[2:]
        try:
            return self._made(cells)
        except ValidationError as error:
            reason = describe_validation(error, whole="its row")
        except SettingError as error:
            reason = str(error)
        raise ConfigurationError(
            f"home {site} of the fleet: {reason}", "correct fleet in darkstar.yaml, or import the home again"
        )

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, in order."""
        return iter(self.names)

    def __len__(self) -> int:
        """Return the number of homes."""
        return self.rows.height

    def __contains__(self, site: object) -> bool:
        """Return whether there is a home of that name; its settings are not made."""
        return isinstance(site, str) and self._place(site) is not None

    @cached_property
    def names(self) -> list[str]:
        """Names of the homes, in order."""
        return self.rows[SITE].to_list()

    def row(self, site: str) -> dict[str, object]:
        """Return the cells of a home by column.

        Raises:
            KeyError: there is none of that name.
        """
        return dict(zip(self.rows.columns, self._cells(site), strict=True))

    def tenant(self, site: str) -> str:
        """Return the tenant of a home.

        Raises:
            KeyError: there is none of that name.
        """
        return str(self._cells(site)[1])

    def zones(self, sites: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
        """Return the IANA zones of homes, which are kept, and what is wrong with the settings of those that have none.

        Raises:
            KeyError: there is no home of a name.
        """
        wrong: dict[str, str] = {}
        wanted = list(sites)
        for site in wanted:
            if site not in self._zones:
                try:
                    self._zones[site] = self[site].timezone
                except ConfigurationError as error:
                    wrong[site] = error.message
        return {site: self._zones[site] for site in wanted if site not in wrong}, wrong

    def of_tenant(self, tenant: str) -> "FleetHomes":
        """Return the homes of a tenant."""
        return FleetHomes(self.fleet, self.rows.filter(pl.col(TENANT) == tenant))

    def only(self, sites: Collection[str]) -> "FleetHomes":
        """Return the homes of these names, as far as there are such."""
        return FleetHomes(self.fleet, self.rows.filter(pl.col(SITE).is_in(list(sites))))

    def in_bucket(self, bucket: int) -> "FleetHomes":
        """Return the homes of a bucket."""
        return FleetHomes(self.fleet, self.rows.filter(self._buckets == bucket))

    def buckets(self) -> pl.DataFrame:
        """Return `site` and `bucket` of each home."""
        return pl.DataFrame([self.rows[SITE], self._buckets])

    @cached_property
    def _buckets(self) -> pl.Series:
        """Bucket of each home; a microsecond each."""
        count = self.fleet.buckets
        return pl.Series("bucket", [bucket_of(site, count) for site in self.names], dtype=pl.UInt16)

    def _cells(self, site: str) -> tuple[object, ...]:
        place = self._place(site)
        if place is None:
            raise KeyError(site)
        return self.rows.row(place)

    def _place(self, site: str) -> int | None:
        """Return the row of a home; None where there is none."""
        place = bisect_left(self.names, site)
        return place if place < len(self.names) and self.names[place] == site else None

    def _make(self, cells: tuple[object, ...]) -> SiteSettings:
        return row_settings(self.fleet, dict(zip(HOMES_SCHEMA.names()[2:], cells, strict=True)))

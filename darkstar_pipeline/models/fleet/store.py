"""The models of a fleet where its lake lies: the pointer, the bundles and the journal, in a folder or on S3."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.validation import describe_validation
from darkstar_pipeline.errors import ConfigurationError, DataMissingError
from darkstar_pipeline.fleet.homes_file import FLEET_FOLDER, fleet_of
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.models.champion_pointer import VersionRef
from darkstar_pipeline.models.fleet.pointer import POINTER_KEY, SCHEMA, FleetPointer, Move, schema_of
from darkstar_pipeline.warehouse.buckets.object_store import ObjectStore
from planner.artifacts.atomic_files import atomic_folder, make_folder
from planner.artifacts.bundle import MANIFEST, Bundle, read_bundle
from planner.errors import PolicyMismatchError

BUNDLES, MOVES = "models/bundles", "models/moves"
_CACHE_FOLDER = "bundles"
Change = Callable[[FleetPointer], FleetPointer | None]
"""Given the pointer as it is, returns the new one, or None to leave it; called again where another was faster."""


@dataclass(frozen=True)
class FleetModels:
    """The models of a fleet.

    Attributes:
        store: where the fleet's lake lies.
        cache: folder of this machine in which bundles are kept that were fetched.
    """

    store: ObjectStore
    cache: Path

    def pointer(self) -> FleetPointer:
        """Return the pointer, by one request; an empty one where nothing was ever promoted.

        Raises:
            ConfigurationError: a newer release wrote it.
            DataMissingError: it is damaged.
            OutsideServiceError: the store failed.
        """
        found = self.store.get(POINTER_KEY)
        return FleetPointer() if found is None else self._parsed(found.data)

    def change(self, change: Change) -> FleetPointer:
        """Replace the pointer whole, in the light of what it holds; nobody's move is lost.

        Returns:
            The pointer as it is then.

        Raises:
            DataMissingError: it is damaged.
            OutsideServiceError: the store failed.
        """
        holds = FleetPointer()

        def changed(data: bytes | None) -> bytes | None:
            nonlocal holds
            before = FleetPointer() if data is None else self._parsed(data)
            after = change(before)
            holds = before if after is None else after
            return None if after is None else after.model_dump_json().encode()

        self.store.update(POINTER_KEY, changed)
        return holds

    def note(self, move: Move) -> None:
        """Write a move into the journal, before the pointer names it."""
        self.store.put(_move_key(move.move), move.model_dump_json(indent=1).encode())

    def journal(self, class_name: str) -> list[Move]:
        """Return the moves of a class that hold, the latest first.

        Raises:
            DataMissingError: one of them is missing or damaged; the pointer holds all the same.
            OutsideServiceError: the store failed.
        """
        keys = [_move_key(move) for move in self.pointer().of(class_name).moves]
        found = self.store.get_many(keys)
        return [self._move(key, found[key].data if key in found else None) for key in keys]

    def add_bundle(self, folder: Path, version: int) -> VersionRef:
        """Copy a bundle to the store, its manifest last, and return how the pointer names it.

        Raises:
            PolicyMismatchError: the bundle is damaged.
        """
        bundle = read_bundle(folder)
        place = f"{BUNDLES}/{bundle.identity}"
        for name in (*bundle.manifest.files, MANIFEST):
            self.store.put(f"{place}/{name}", (folder / name).read_bytes())
        return VersionRef(version=version, identity=bundle.identity, path=place)

    def bundle(self, ref: VersionRef) -> Bundle:
        """Return the bundle of a version, fetched to this machine where it is not there yet.

        Raises:
            PolicyMismatchError: it is missing, damaged, or another one than was promoted.
            OutsideServiceError: the store failed.
        """
        folder = self.cache / ref.identity
        if not folder.is_dir():
            self._fetch(ref, folder)
        bundle = read_bundle(folder)
        if bundle.identity != ref.identity:
            message = f"{folder}: not the bundle that was promoted as version {ref.version}"
            raise PolicyMismatchError(message)
        return bundle

    def _fetch(self, ref: VersionRef, folder: Path) -> None:
        keys = [each.key for each in self.store.listed(ref.path)]
        found = self.store.get_many(keys)
        if f"{ref.path}/{MANIFEST}" not in found:
            message = f"{self.store.place}/{ref.path}: no bundle of version {ref.version} is there"
            raise PolicyMismatchError(message)
        make_folder(folder.parent)
        with atomic_folder(folder) as temporary:
            for key, stored in found.items():
                (temporary / key.rpartition("/")[2]).write_bytes(stored.data)

    def _move(self, key: str, data: bytes | None) -> Move:
        try:
            if data is not None:
                return Move.model_validate_json(data)
            wrong = "it is missing"
        except ValidationError as error:
            wrong = describe_validation(error, whole="the whole object")
        message = f"{self.store.place}/{key}, a move of the journal, cannot be read: {wrong}"
        raise DataMissingError(message, "restore it from a backup; versions in use and rollbacks need it not")

    def _parsed(self, data: bytes) -> FleetPointer:
        if (written := schema_of(data)) > SCHEMA:
            message = (
                f"{self.store.place}/{POINTER_KEY} is of a newer release (schema {written}, this one has {SCHEMA})"
            )
            raise ConfigurationError(message, "update Darkstar on this machine")
        try:
            return FleetPointer.model_validate_json(data)
        except ValidationError as error:
            wrong = describe_validation(error, whole="the whole object")
            message = f"{self.store.place}/{POINTER_KEY} is damaged: {wrong}"
            raise DataMissingError(message, "restore it from a backup, or remove it and promote versions") from error


def _move_key(move: str) -> str:
    return f"{MOVES}/{move}.json"


def fleet_models(settings: Settings, home: Path) -> FleetModels:
    """Return the models of a fleet; nothing is asked or made before the first use.

    Args:
        settings: the whole configuration.
        home: the state folder, which keeps the bundles that were fetched.

    Raises:
        ConfigurationError: the configuration has no fleet, its lake is at no place that is known, or obstore is not
            installed.
    """
    return FleetModels(fleet_lake(fleet_of(settings), home).store, home / FLEET_FOLDER / _CACHE_FOLDER)

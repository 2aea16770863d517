"""A bundle of a given size as a training leaves it: for what registers, promotes and prunes versions."""

from pathlib import Path

from darkstar_pipeline.config.fingerprints import tariff_version
from darkstar_pipeline.context import Context
from planner.artifacts.bundle import Manifest, save_bundle


def save_made_bundle(context: Context, folder: Path, number: int, n_bytes: int) -> None:
    """Save a bundle whose weights are a number again and again.

    Args:
        context: the site that it is of.
        folder: where it goes.
        number: makes it differ from others.
        n_bytes: size of its weights, a multiple of four.
    """
    manifest = Manifest(
        kind="rl",
        algorithm="ppo",
        state="v2",
        columns=("a", "b"),
        action="signed_power",
        reward="cost_v1",
        tariff=tariff_version(context.site_settings),
    )
    save_bundle(folder, manifest, {"weights.bin": number.to_bytes(4, "big") * (n_bytes // 4)})

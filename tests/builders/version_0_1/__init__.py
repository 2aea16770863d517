"""Bundles written by version 0.1: see `README.md`."""

from pathlib import Path

VERSION_0_1 = Path(__file__).parent

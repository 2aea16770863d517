"""Ids of entities, as Home Assistant writes them."""

from typing import Annotated

from pydantic import Field

EntityId = Annotated[str, Field(pattern=r"^[a-z0-9_]+\.[a-z0-9_]+$", max_length=255)]
"""An entity id, `domain.object`, as Home Assistant writes it."""

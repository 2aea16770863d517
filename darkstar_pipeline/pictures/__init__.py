"""Pictures of what the policies did and what it was worth, drawn without a screen and without global state.

Every picture is a Matplotlib `Figure` of its own; `save_png` writes it whole or not at all, `png_bytes` hands it to a
page. Matplotlib takes a second to import and is imported by the functions that draw.
"""

from darkstar_pipeline.pictures.canvas import png_bytes, save_png
from darkstar_pipeline.pictures.day import day_figure
from darkstar_pipeline.pictures.verdict import verdict_figure

__all__ = ["day_figure", "png_bytes", "save_png", "verdict_figure"]

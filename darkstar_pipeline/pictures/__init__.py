"""Plots of schedules, costs and training, drawn without a display and without global state.

Every plot is a Matplotlib `Figure` of its own; `save_png` writes it atomically, `png_bytes` returns it for a
page. Matplotlib takes a second to import and is imported by the functions that draw.
"""

from darkstar_pipeline.pictures.canvas import png_bytes, save_png
from darkstar_pipeline.pictures.day import day_figure
from darkstar_pipeline.pictures.verdict import verdict_figure
from darkstar_pipeline.pictures.week import week_figure

__all__ = ["day_figure", "png_bytes", "save_png", "verdict_figure", "week_figure"]

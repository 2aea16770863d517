"""Everything that needs LightGBM or torch to learn."""

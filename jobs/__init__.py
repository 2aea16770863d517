"""Jobs and schedules over the assets."""

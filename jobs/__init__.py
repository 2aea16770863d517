"""When it happens: jobs, schedules and sensors over the assets."""

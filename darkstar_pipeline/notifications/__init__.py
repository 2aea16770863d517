"""Messages to a person without being asked: once per cause, and once when it is mended."""

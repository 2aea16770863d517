"""Readings from the home itself: states that come live or by MQTT, and the feeds that make readings of them."""

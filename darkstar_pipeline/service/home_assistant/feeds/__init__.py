"""What the home tells of itself: states that come live or by MQTT, and the feeds that make readings of them."""

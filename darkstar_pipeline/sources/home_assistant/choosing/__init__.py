"""The choice among sensors that measure the same: one, or a sum of parts; and the direction of a signed power."""

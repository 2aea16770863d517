"""From a source into the lake."""

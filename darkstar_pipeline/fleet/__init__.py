"""A fleet: thousands of homes as rows of a table, each with the settings that a section of its own would give."""

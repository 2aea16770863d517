"""The shell: settings, sources, warehouse, tracking, resources, definitions and the `darkstar` command."""

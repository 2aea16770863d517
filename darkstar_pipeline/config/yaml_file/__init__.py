"""The configuration as a file: read as YAML 1.2, with the line of every setting, and errors in plain words."""

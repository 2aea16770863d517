"""A fleet's service, measured."""

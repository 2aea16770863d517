"""Costs of a fleet's lake: requests, seconds and bytes in a folder and on an S3 server of this machine."""

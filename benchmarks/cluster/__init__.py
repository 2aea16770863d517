"""A fleet on a real cluster: two Ray nodes and an S3 server, on loopback."""

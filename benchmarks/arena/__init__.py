"""The arena: cases that others recorded and published results for, solved here on the same terms."""

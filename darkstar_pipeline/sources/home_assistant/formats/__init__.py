"""The formats of Home Assistant exports: histories and long-term statistics as rows, before anything has a meaning."""

"""The analyst: a month's report and the month's peaks, for people and scripts."""

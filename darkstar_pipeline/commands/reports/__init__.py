"""Commands that report: a month."""

"""Makes, keeps and explains plans; knows no HTTP."""

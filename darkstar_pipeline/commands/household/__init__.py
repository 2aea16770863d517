"""Commands on what a household asks of its battery and its devices."""

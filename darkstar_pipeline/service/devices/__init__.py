"""The movable loads of a running service: read, asked for by people, and handed over to what switches them."""

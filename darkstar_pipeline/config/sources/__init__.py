"""Settings of what is fetched by itself: a module a kind of data, put together in `all_sources`."""

"""The service over HTTP: application, middleware, routes and the page."""

"""Providers, models, routes and whatever else is registered, from a file: `bin/manage apply` and `export`."""

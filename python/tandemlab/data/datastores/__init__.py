"""Datastores: places for data that a workspace knows by name."""

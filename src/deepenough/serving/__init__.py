"""Serving: a finished study's networks put to use."""

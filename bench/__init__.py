"""Benches: how fast, how much memory. They start the service as it is."""

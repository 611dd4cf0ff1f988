"""Genuine PostgreSQL for tests."""

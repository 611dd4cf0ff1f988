"""Drafts of mappings from sample events."""

"""Notices: what people are told by mail or webhook, in words, and nothing personal in it."""

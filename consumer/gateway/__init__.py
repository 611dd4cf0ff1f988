"""Webhooks in: an LMS posts its events, and each is on the bus or on disk before the answer."""

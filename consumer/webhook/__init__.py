"""Webhooks out: signed, bounded in time, and only ever told what a person may know."""

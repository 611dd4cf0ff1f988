"""Mappings: rule rows in YAML that say what an LMS event says (design 8, docs/mappings.md)."""

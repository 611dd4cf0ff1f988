"""Mappings: rows in YAML that say what an LMS event says (design 8, docs/mapping-language.md)."""

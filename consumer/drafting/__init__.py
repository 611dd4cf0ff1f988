"""Drafts of mappings: schema, rows and examples guessed from samples, for a person to check."""

"""The mapping language, from paths to the shipped files."""

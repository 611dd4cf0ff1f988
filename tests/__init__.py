"""A package, so that `tests` is never on the import path: tests/kafka would hide kafka."""

"""Compares a PARS with what we assume of it (dossier 7): a checklist, on real HTTP."""

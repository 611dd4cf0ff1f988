"""PARS: documents out, answers in, and a table that turns an answer into a fate."""

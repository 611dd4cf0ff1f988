"""The web console: what a CME office sees and does, over the desk's functions."""

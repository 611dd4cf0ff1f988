"""MOC Consumer: reports CME completions from any LMS to PARS, and follows each to the board."""

__version__ = "0.1.0"

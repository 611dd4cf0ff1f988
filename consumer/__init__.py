"""MOC Consumer: CME completions from any LMS to the ACCME's PARS, followed to the board's decision."""

__version__ = "0.1.0"

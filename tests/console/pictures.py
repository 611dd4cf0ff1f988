"""Takes the pictures of the README: `python -m tests.console.pictures docs/pictures`."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest
from PIL import Image

COLOURS = 96
"""Enough for pages of a few flat colours; a picture is a quarter of its size then."""


def main(folder: Path) -> int:
    """Look at every page as its test does, and keep what was seen."""
    with tempfile.TemporaryDirectory() as taken:
        os.environ["CONSOLE_PICTURES"] = taken
        code = pytest.main(["-q", str(Path(__file__).with_name("test_every_page.py"))])
        if code:
            return int(code)
        folder.mkdir(parents=True, exist_ok=True)
        for picture in sorted(Path(taken).glob("*.png")):
            small = Image.open(picture).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
            small.save(folder / picture.name, optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

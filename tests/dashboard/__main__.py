"""Draws the dashboard, in five minutes: `python -m tests.dashboard docs/pictures/dashboard.png`."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import orjson
from PIL import Image
from playwright.sync_api import sync_playwright

from tests.dashboard.drawing import WIDTH, page
from tests.dashboard.office import lived

FILE = Path(__file__).parents[2] / "deploy" / "grafana" / "moc-consumer.json"
COLOURS = 64


def main(picture: Path) -> None:
    """An office lives for some minutes; then every panel of the dashboard is drawn."""
    with tempfile.TemporaryDirectory() as folder, lived(Path(folder)) as prometheus:
        drawn = page(orjson.loads(FILE.read_bytes()), prometheus)
    _photograph(drawn, picture)
    small = Image.open(picture).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(picture, optimize=True)


def _photograph(drawn: str, picture: Path) -> None:
    with sync_playwright() as playwright:
        program = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        sheet = browser.new_page(viewport={"width": WIDTH, "height": 900})
        sheet.set_content(drawn)
        sheet.screenshot(path=picture, full_page=True)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""What the guide to the tables shows is what happens."""

from __future__ import annotations

from pathlib import Path

import pytest

pages = pytest.importorskip("tests.end_to_end.pages")
PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


def test_the_page_does_what_it_shows(tmp_path: Path) -> None:
    with pages.opened(PAGE.read_text(encoding="utf-8"), tmp_path) as page:
        page.run()

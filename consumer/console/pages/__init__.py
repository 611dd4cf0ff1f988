"""Every page of the console, in one table."""

from __future__ import annotations

from consumer.console.page import Page
from consumer.console.pages import overview, signing

PAGES: tuple[Page, ...] = (*signing.PAGES, *overview.PAGES)

"""Every page of the console, in one table."""

from __future__ import annotations

from consumer.console.page import Page
from consumer.console.pages import account, overview, provider, signing

PAGES: tuple[Page, ...] = (*signing.PAGES, *provider.PAGES, *account.PAGES, *overview.PAGES)

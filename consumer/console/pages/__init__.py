"""Every page of the console, in one table."""

from __future__ import annotations

from consumer.console.page import Page
from consumer.console.pages import (
    account,
    corrections,
    credit,
    letters,
    overview,
    people,
    provider,
    rows,
    signing,
    tables,
    uploads,
    work,
)

PAGES: tuple[Page, ...] = (
    *signing.PAGES,
    *provider.PAGES,
    *account.PAGES,
    *overview.PAGES,
    *people.PAGES,
    *credit.PAGES,
    *letters.PAGES,
    *corrections.PAGES,
    *tables.PAGES,
    *uploads.PAGES,
    *rows.PAGES,
    *work.PAGES,
)

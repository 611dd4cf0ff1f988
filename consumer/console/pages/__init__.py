"""Every page of the console, in one table."""

from __future__ import annotations

from consumer.console.page import Page
from consumer.console.pages import (
    account,
    activities,
    audit,
    corrections,
    credit,
    letters,
    mappings,
    overview,
    people,
    provider,
    rows,
    signing,
    sources,
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
    *mappings.PAGES,
    *sources.PAGES,
    *activities.PAGES,
    *audit.PAGES,
)

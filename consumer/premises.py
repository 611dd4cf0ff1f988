"""What the journey knows, as it stands now: replaced whole when a table or a mapping changes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from consumer.journey import House
from consumer.mapping.catalogue import Catalogue
from consumer.tables import Tables


class Premises:
    """Holds the house; judging and replacing never overlap."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._lock = threading.Lock()

    @contextmanager
    def unchanged(self) -> Iterator[House]:
        """The house, which nobody replaces meanwhile."""
        with self._lock:
            yield self._house

    @property
    def house(self) -> House:
        """The house as it stands."""
        return self._house

    def put_tables(self, tables: Tables) -> None:
        """Judge by these tables from now on."""
        with self._lock:
            self._house = replace(self._house, tables=tables)

    def put_mappings(self, catalogue: Catalogue) -> None:
        """Read events by these mappings from now on."""
        with self._lock:
            self._house = replace(self._house, catalogue=catalogue)

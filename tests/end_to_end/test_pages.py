"""What the guides show is what happens: their commands are typed, their outputs compared."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import do_without
from tests.end_to_end.pages import ROOT, Differs, opened, within_source
from tests.kafka.broker import Broker
from tests.postgres.server import NoPostgres, server_with

WHOLE = "docs/whole.md"
RUN = ("docs/add-an-lms.md", "docs/tables.md")
PAGE = """\
<!-- file: names.txt -->
```
one: 1
two: 2
```

<!-- line: names.txt -->
```
two: 3
```

```
$ cat names.txt
one: 1
two: 3
$ date -u +%Y-%m-%dT%H:%M:%S
2026-11-20T18:00:00
$ seq 9
1
...
9
```
"""


@pytest.mark.parametrize("name", RUN)
def test_the_page_does_what_it_shows(name: str, tmp_path: Path) -> None:
    with opened((ROOT / name).read_text(encoding="utf-8"), tmp_path) as page:
        page.run()


@pytest.mark.kafka
def test_the_whole_does_what_its_page_shows(own_broker: Broker) -> None:
    """Kafka, PostgreSQL, a webhook by curl, a PARS that goes away, a backup put back."""
    text = (ROOT / WHOLE).read_text(encoding="utf-8")
    kafka = int(own_broker.bootstrap.rpartition(":")[2])
    with ExitStack() as all_of_it:
        try:
            server = all_of_it.enter_context(server_with("moc"))
        except NoPostgres as error:
            do_without("PostgreSQL", error)
        ports = {"9092": kafka, "5432": server.port}
        folder = all_of_it.enter_context(within_source())
        all_of_it.enter_context(opened(text, folder, ports)).run()


def test_a_page_writes_files_and_lines_and_types_commands(tmp_path: Path) -> None:
    with opened(PAGE, tmp_path) as page:
        assert page.run() == PAGE


@pytest.mark.parametrize(
    ("right", "wrong", "shown"),
    [
        ("two: 3\n$", "two: 2\n$", "1\n...\n9"),
        ("...\n9", "...\n8", "1\n2\n3\n4\n5\n6\n7\n8\n9"),
    ],
)
def test_a_page_that_shows_something_else_fails_and_is_written_anew(
    right: str, wrong: str, shown: str, tmp_path: Path
) -> None:
    assert right in PAGE
    with opened(PAGE.replace(right, wrong), tmp_path) as page:
        with pytest.raises(Differs):
            page.run()
        assert page.run(write=True) == PAGE.replace("1\n...\n9", shown)

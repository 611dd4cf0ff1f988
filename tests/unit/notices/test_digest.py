"""Digests: what is counted, what is new, what is mended, and when one is worth a mail."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from consumer.notices.digest import MOST_LINES, compose, pack_digest, unpack_digest
from consumer.notices.matter import Kind, Matter
from consumer.notices.page import page

TUESDAY, MONDAY = date(2026, 11, 24), date(2026, 11, 23)


def rejected(number: int, where: str = "HF-UPDATE", count: int = 1) -> Matter:
    return Matter(
        Kind.REJECTED, f"{number}-r1", where, "the board rejected it", "correct it", None, count
    )


def told(*matters: Matter) -> set[tuple[str, str]]:
    return {(one.kind.value, one.subject) for one in matters}


def test_the_subject_counts_and_the_most_urgent_comes_first() -> None:
    late = Matter(Kind.AT_RISK, "k1", "RENAL", "no consent", by=date(2026, 11, 27))
    digest = compose([rejected(1), rejected(2), late], told(rejected(1)))
    assert digest.subject == "MOC: 1 at risk, 2 rejected (2 new)"
    assert [one.heading for one in digest.sections] == [
        "1 at risk of missing its deadline, new",
        "2 rejected by the board, 1 new",
    ]


def test_what_is_alike_is_one_line() -> None:
    digest = compose([rejected(1), rejected(2, "SEPSIS"), rejected(3)])
    (section,) = digest.sections
    assert [(line.where, line.count) for line in section.lines] == [("HF-UPDATE", 2), ("SEPSIS", 1)]


def test_the_nearest_deadline_is_told_first() -> None:
    days = [date(2026, 12, 4), date(2026, 11, 30), date(2026, 12, 1)]
    matters = [
        Matter(Kind.AT_RISK, f"k{n}", where, "no consent", by=day)
        for n, (where, day) in enumerate(zip(["RENAL", "SEPSIS", "RENAL"], days, strict=True))
    ]
    (section,) = compose(matters).sections
    lines = [(line.where, line.by) for line in section.lines]
    assert lines == [("SEPSIS", "2026-11-30"), ("RENAL", "2026-12-01")]


def test_what_is_mended_is_told_once_and_no_more() -> None:
    digest = compose([rejected(1)], told(rejected(1), rejected(2), rejected(3)))
    assert digest.mended == ((Kind.REJECTED, 2),)
    assert compose([rejected(1)], told(rejected(1))).mended == ()


def test_all_mended_is_worth_a_last_word() -> None:
    digest = compose([], told(rejected(1)))
    assert digest.worth_sending(TUESDAY)
    assert digest.subject == "MOC: all settled, 1 rejected"
    assert not compose([]).worth_sending(MONDAY)


def test_old_news_comes_on_mondays_alone_unless_a_deadline_nears() -> None:
    old = compose([rejected(1)], told(rejected(1)))
    assert not old.worth_sending(TUESDAY)
    assert old.worth_sending(MONDAY)
    assert compose([rejected(1)]).worth_sending(TUESDAY)
    late = Matter(Kind.AT_RISK, "k1", "RENAL", "no consent", by=MONDAY)
    assert compose([late], told(late)).worth_sending(TUESDAY)


def test_long_lists_are_cut_and_say_so() -> None:
    digest = compose([rejected(n, f"COURSE-{n:02}") for n in range(MOST_LINES + 5)])
    (section,) = digest.sections
    assert (len(section.lines), section.more, section.count) == (MOST_LINES, 5, MOST_LINES + 5)
    assert "and 5 more" in page(digest).text
    assert "and 5 more" in page(digest).html


matters = st.lists(
    st.builds(
        Matter,
        st.sampled_from(Kind),
        st.integers(0, 30).map(str),
        st.sampled_from(["A", "B", "<C>"]),
        st.sampled_from(["one thing", "another"]),
        st.sampled_from(["", "do it"]),
        st.none() | st.dates(date(2026, 1, 1), date(2027, 1, 1)),
    ),
    unique_by=lambda one: (one.kind, one.subject),
    max_size=40,
)


@given(matters, matters)
def test_law_every_matter_is_counted_once(now: list[Matter], before: list[Matter]) -> None:
    digest = compose(now, told(*before))
    assert sum(one.count for one in digest.sections) == len(now)
    assert sum(one.new for one in digest.sections) == len(told(*now) - told(*before))
    assert sum(count for _, count in digest.mended) == len(told(*before) - told(*now))
    assert unpack_digest(pack_digest(digest)) == digest


def test_html_is_escaped_and_fits_a_phone() -> None:
    html = page(compose([rejected(1, "<b>Heart & lung</b>")])).html
    assert "&lt;b&gt;Heart &amp; lung&lt;/b&gt;" in html
    assert "<b>Heart" not in html.replace("<b>&lt;", "")
    assert 'name="viewport"' in html
    assert "<table" not in html


def test_links_where_there_is_a_console_and_commands_where_not() -> None:
    digest = compose([rejected(1)])
    linked = page(digest, "https://moc.example.org/")
    assert "https://moc.example.org/" in linked.text
    assert 'href="https://moc.example.org/' in linked.html
    assert "moc-consumer credit list --state rejected" in page(digest).text
    assert "moc-consumer" not in linked.text

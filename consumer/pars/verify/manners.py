"""What the whole run showed of PARS: its words, its speed and its patience."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from consumer.pars.symptoms import WORDS
from consumer.pars.verify.bench import Bench
from consumer.pars.verify.finding import Finding, Outcome
from consumer.pars.verify.suggestion import suggested_word


def status_words(bench: Bench) -> Iterator[Finding]:
    """Every word for a record's status that was seen; one we do not know is its own line."""
    unknown = sorted(w for w in bench.words if " ".join(w.split()).casefold() not in WORDS)
    known = sorted(bench.words - set(unknown))
    if known or not unknown:
        seen = ", ".join(known) or "no status was shown"
        yield Finding("status_words", "Words for a status", Outcome.PASS, seen)
    for word in map(bench.mask, unknown):
        yield Finding(
            "status_words",
            "Words for a status",
            Outcome.DIFFERS,
            f'"{word}" is not known, and counts as no decision',
            suggested_row=suggested_word(word),
        )


def pace(bench: Bench) -> Iterator[Finding]:
    """How long answers took, and whether PARS asked us to slow down."""
    longest = max(bench.seconds, default=0.0)
    median = statistics.median(bench.seconds or [0.0])
    per_second = bench.provider.requests_per_second
    times = f"{len(bench.seconds)} answers, median {median:.2f} s, longest {longest:.2f} s"
    yield Finding(
        "pace",
        "Answer times and limits",
        Outcome.DIFFERS if bench.busy else Outcome.PASS,
        f"{times}; {_waits(bench)}",
        setting=bench.setting("requests_per_second"),
        configured=per_second,
        fits=per_second / 2 if bench.busy else per_second,
    )


def _waits(bench: Bench) -> str:
    if not bench.busy:
        return "never asked to wait"
    asked = [one.retry_after_seconds for one in bench.busy if one.retry_after_seconds is not None]
    status = ", ".join(sorted({str(one.status) for one in bench.busy}))
    after = f", Retry-After up to {max(asked):.0f} s" if asked else ", without Retry-After"
    return f"HTTP {status} {len(bench.busy)} times{after}"

"""A replay that is killed again and again: every letter's credit once, by PARS's books."""

from __future__ import annotations

from pathlib import Path

from tests.end_to_end.replaying import play

SEED = 20261126


def test_killed_in_the_middle_the_same_command_goes_on_and_each_is_credited_once(
    tmp_path: Path,
) -> None:
    figures = play(letters=600, kills=3, seed=SEED, folder=tmp_path)
    print(figures)  # noqa: T201  the seed, and where it was killed
    assert (figures.credited, figures.twice, figures.lost) == (600, 0, 0)
    assert (figures.open_letters, figures.most_replays) == (0, 1)
    # Killed in the middle, or it would show nothing.
    assert any(0 < left < 600 for left in figures.killed_at)

"""What each column of the tables is for, in the words of whoever fills it in."""

from __future__ import annotations

# Column: needed, what it means, an example. The same as mappings/tables/README.md, but shorter.
LEARNERS = {
    "site": ("no", "the LMS, as its events name it; blank serves every LMS", "learn.example.org"),
    "learner": ("yes", "the learner's user ID in that LMS, exactly", "905"),
    "given_name": ("yes", "as the board knows it", "Ada"),
    "family_name": ("yes", "as the board knows it, without MD or DO", "Kowalczyk"),
    "email": ("no", "", "ada.kowalczyk@example.org"),
    "birth_date": ("yes", "year-month-day, month/day/year, or month/day", "1971-09-10"),
    "board": ("no", "blank is ABIM", "ABIM"),
    "board_id": ("yes", "the board's own ID, with its leading zeros; blank waits", "099999"),
    "npi": ("no", "ten digits", "1234567893"),
    "licence_state": ("no", "two letters, or the state's name", "NY"),
    "licence": ("no", "the state licence's number, as the state writes it", "MD123456"),
    "consent": ("yes", "yes lets records leave; anything else waits", "yes"),
    "consent_on": ("no", "when consent was given", "2026-01-15"),
    "consent_how": ("no", "how consent was given", "registration form"),
    "consent_boards": ("no", "blank is all boards", "ABIM ABP"),
}
ACTIVITIES = {
    "site": ("no", "the LMS, as its events name it; blank serves every LMS", "learn.example.org"),
    "course": ("yes", "the course's ID in that LMS, exactly", "37"),
    "occurrence": ("no", "for one session or city alone, as the event names it", ""),
    "activity": ("no", "your own name of it; never rename it once credit was sent", "HF-UPDATE"),
    "pars_activity_id": ("yes", "nine digits, from PARS", "202612345"),
    "profile": ("no", "which provider profile reports it; blank is main; or: not ours", "main"),
    "title": ("yes", "as registered in PARS", "Heart Failure Update"),
    "board": ("no", "blank is ABIM", "ABIM"),
    "credit_types": ("yes", "the board's; several with ; between", "Medical Knowledge"),
    "max_points": ("yes", "the most that one credit may give, in steps of 0.25", "1.5"),
    "total_points": ("no", "only where the activity repeats: the most for one learner", ""),
    "points_basis": ("no", "registered (everyone earns the most) or claimed", "registered"),
    "zone": ("yes", "the time zone that decides the day of completion", "America/New_York"),
    "starts": ("no", "first day, year-month-day; blank is open", "2026-01-01"),
    "ends": ("no", "last day, year-month-day; blank is open", "2026-12-31"),
    "repeats": ("no", "none, session, claim or date", "none"),
    "requires": ("no", "besides the completion: evaluation, claim, or evaluation; claim", ""),
    "date_rule": ("no", "whose date counts: completion (blank), last_step or claim", ""),
}
EXPLAINED = {"learners": LEARNERS, "activities": ACTIVITIES}
HINTS = (
    "Fill in the first sheet: one row for each learner and board, or course and board.",
    "All cells there are text, so Excel drops no leading zeros and makes no dates of its own.",
    "Headings may stand in any order; columns that you do not need may go.",
    "This sheet is not read.",
)

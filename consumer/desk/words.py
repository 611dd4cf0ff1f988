"""Reasons in the words of a CME office: what happened, who can fix it, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from consumer.reason import Reason, Stage


@dataclass(frozen=True, slots=True)
class Advice:
    """What a reason means to the person who reads it."""

    happened: str
    who: str
    how: str


_TABLE = "correct the row in the learners table"
_ACTIVITY = "correct the row in the activities table"
_ASK = "ask the learner, then fill in the row in the learners table"

ADVICE: dict[str, Advice] = {
    code: Advice(happened, who, how)
    for code, happened, who, how in [
        # what came from the LMS
        ("null_value", "the LMS sent an empty event", "LMS admin", "find out why, and have the LMS send the event again"),
        ("oversized", "the event is larger than allowed", "SRE", "raise intake.payload_limit_bytes, then send it again"),
        ("invalid_utf8", "the event is not text in UTF-8", "LMS admin", "correct the encoding of what the LMS sends, and have it send the event again"),
        ("malformed_json", "the event is not JSON", "LMS admin", "correct what the LMS sends, and have it send the event again"),
        ("duplicate_key", "a name stands twice in the event, and which value counts nobody knows", "LMS admin", "correct what the LMS sends, and have it send the event again"),
        ("nested_too_deeply", "the event is nested more than 200 levels deep", "LMS admin", "correct what the LMS sends, and have it send the event again"),
        ("not_an_object", "the event is not a JSON object", "LMS admin", "correct what the LMS sends, and have it send the event again"),
        ("nul_character", "the event holds a NUL character", "LMS admin", "correct what the LMS sends, and have it send the event again"),
        ("undecodable_key", "the event's key is not text", "LMS admin", "correct what the LMS sends, and have it send the event again"),
        ("undecodable_header", "a CloudEvents header is not text", "LMS admin", "correct what the LMS sends, and have it send the event again"),
        ("repeated_header", "a CloudEvents header stands twice", "LMS admin", "correct what the LMS sends, and have it send the event again"),
        ("cloudevent_without_data", "the CloudEvent has no data", "LMS admin", "correct what the LMS sends, and have it send the event again"),
        ("cloudevent_invalid", "the event is not as CloudEvents 1.0 says", "LMS admin", "correct what the LMS sends, and have it send the event again"),
        ("malformed_form", "the event is not a web form", "LMS admin", "correct what the LMS sends, and have it send the event again"),
        ("repeated_field", "a field of the form stands twice", "LMS admin", "correct what the LMS sends (a list is written name[]), and have it send the event again"),
        ("registry_not_set", "the event is in Avro, and no schema registry is set", "SRE", "set registry.url, then send it again"),
        ("schema_unknown", "the schema registry does not know the event's schema", "LMS admin", "find out which registry the LMS writes to; once the schema is there, send it again"),
        ("schema_unusable", "the event's schema cannot be used", "LMS admin", "read the reason's detail, and have the LMS send the event again by another schema"),
        ("avro_misfit", "the event does not fit the schema that it names", "LMS admin", "correct what the LMS sends, and have it send the event again"),
        ("avro_unframed", "the event is in Avro, and does not say by which schema", "LMS admin", "have the LMS send the event again in Confluent's wire format"),
        ("unknown_event", "no mapping knows this event", "LMS admin", "add a mapping for it, then send it again"),
        ("ambiguous_mapping", "two mappings claim this event", "LMS admin", "narrow one of their match rules, then send it again"),
        ("too_many_events", "too many events came in one", "LMS admin", "have the LMS send them apart"),
        ("schema_mismatch", "the event lacks something its mapping needs, or has it in another form", "LMS admin", "have the LMS send the event as it should be; if it is right as it is, correct the schema, then send it again"),
        ("value_missing", "a value that is needed is not in the event", "LMS admin", "correct what the LMS sends, or the mapping; then send it again"),
        ("wrong_type", "a value is not of the kind its mapping expects", "LMS admin", "correct what the LMS sends, or the mapping; then send it again"),
        ("date_not_understood", "a date cannot be read as its mapping says", "LMS admin", "correct the date's form in the mapping, then send it again"),
        ("zone_missing", "a time has no time zone", "LMS admin", "name the LMS's zone in the mapping, then send it again"),
        ("number_not_understood", "a number cannot be read", "LMS admin", "correct what the LMS sends, or the mapping; then send it again"),
        ("ambiguous_value", "a value can be read in two ways", "LMS admin", "make the mapping's row say which, then send it again"),
        ("join_incomplete", "one of several values that belong together is missing", "LMS admin", "correct what the LMS sends, or the mapping; then send it again"),
        ("not_in_map", "a value is not in the mapping's list", "LMS admin", "add it to the row's map, then send it again"),
        # what a mapping that ships with the product says is not to be reported
        ("front_page_course", "it is Moodle's front page and no course", "nobody", "nothing to do"),
        ("guest_account", "it was the guest account: nobody in particular", "nobody", "nothing to do"),
        ("course_without_modules", "Canvas knows no completion for a course without modules", "LMS admin", "give the course module requirements, if it is for credit"),
        ("certificate_not_issued", "the certificate has not been issued", "nobody", "nothing to do; it is reported once it is"),
        ("not_completed_yet", "the LMS has not noted the course as completed", "nobody", "nothing to do; it is reported once it is"),
        ("prior_learning", "it was learned elsewhere, and only written down here", "nobody", "nothing to do"),
        ("audit_mode", "the learner took the course without a certificate", "nobody", "nothing to do"),
        ("not_passed", "the LMS says that the learner did not pass", "nobody", "nothing to do; a later pass is reported"),
        ("waived", "the learner was let off the course and has not done it", "nobody", "nothing to do"),
        ("not_a_learner", "it was said of a tutor or teacher of the course", "nobody", "nothing to do"),
        ("not_a_course", "the award is of no course", "nobody", "nothing to do"),
        ("grade_cleared", "a grade was cleared, and none was given", "nobody", "nothing to do"),
        ("not_the_final_grade", "it is not the grade that completes the course", "nobody", "nothing to do"),
        ("reported_by_ethosce", "EthosCE reports this kind of credit by itself", "nobody", "nothing to do"),
        # what the tables lack: goes by itself
        ("activity_not_found", "the course is not in the activities table", "coordinator", "add the course to the activities table; it goes by itself then"),
        ("learner_not_found", "the learner is not in the learners table", "coordinator", "add the learner to the learners table; it goes by itself then"),
        ("no_board_id", "no board ID is known", "learner", _ASK + "; it goes by itself then"),
        ("no_consent", "no consent to share with the board is on file", "learner", _ASK + "; it goes by itself then"),
        ("no_birth_date", "no birth date is known", "learner", _ASK + "; it goes by itself then"),
        ("no_birth_year", "the birth date has no year", "coordinator", "add the year to the learners table; it goes by itself then"),
        ("learner_unmatched", "the board does not know this learner: the board ID or the birth date does not fit", "coordinator", _ASK.replace("fill in", "correct") + "; it goes by itself then"),
        ("pars_activity_unknown", "PARS has no such activity of this provider", "coordinator", "register it in PARS, or correct the PARS activity ID in the activities table; it goes by itself then"),
        ("pars_activity_anothers", "PARS has this activity under another provider", "coordinator", "correct the PARS activity ID or the profile in the activities table; it goes by itself then"),
        ("pars_board_missing", "the activity is in PARS, but not registered for this board's MOC", "coordinator", "register it for the board in PARS; it goes by itself then"),
        ("pars_type_missing", "the activity is not registered for this type of credit", "coordinator", "register it in PARS, or " + _ACTIVITY + "; it goes by itself then"),
        ("pars_points_exceeded", "more points than PARS has registered for the activity", "coordinator", "compare the points in PARS with the activities table; it goes by itself then"),
        ("completion_awaited", "the course's completion is awaited", "learner", "nothing to do; it goes by itself once the LMS says that the learner completed the course"),
        ("evaluation_awaited", "the learner's evaluation is awaited", "learner", "remind the learner to hand in the evaluation; it goes by itself then"),
        ("claim_awaited", "the learner's claim of credit is awaited", "learner", "remind the learner to claim the credit; it goes by itself then"),
        ("inquiry_unanswered", "PARS was asked about the activity or the learner, and has not answered yet", "nobody", "nothing to do; it goes by itself soon, answered or not"),
        ("step_not_required", "a step of the course that gives no credit by itself", "nobody", "nothing to do, unless it should stand in the course's column requires in the activities table; it goes by itself then"),
        ("not_ours", "another provider, or another system, reports this course", "nobody", "nothing to do"),
        # rules
        ("board_id_form", "the board ID does not have the board's form", "coordinator", _TABLE + ", then send it again"),
        ("board_id_shared", "another learner has this board ID too", "coordinator", _TABLE + ", or the other one's; then send it again. It is one person after all: send it again as it is"),
        ("npi_form", "the NPI is not ten digits beginning with 1 or 2", "coordinator", _TABLE + ", then send it again"),
        ("npi_check_digit", "the NPI's check digit is wrong: a digit was mistyped", "coordinator", _TABLE + ", then send it again"),
        ("licence_state_unknown", "the state of the licence is not known, or missing", "coordinator", _TABLE + ", then send it again"),
        ("licence_form", "the licence number is missing, or holds what no such number has", "coordinator", _TABLE + ", then send it again"),
        ("name_missing", "a name is blank", "coordinator", _TABLE + ", then send it again"),
        ("unwritable_character", "a name or title holds a character that cannot be sent", "coordinator", "type it anew in the table, then send it again"),
        ("too_long", "a name or title is too long", "coordinator", "shorten it in the table, then send it again"),
        ("birth_date_form", "the birth date cannot be read", "coordinator", _TABLE + ", then send it again"),
        ("points_missing", "the event claims no points", "LMS admin", "map the claimed points, or put registered into points_basis in the activities table; then send it again"),
        ("points_not_positive", "the points are zero or less", "coordinator", _ACTIVITY + ", then send it again"),
        ("points_off_grid", "the points are not in the board's steps (0.25, or coarser)", "coordinator", _ACTIVITY + ", then send it again"),
        ("points_above_maximum", "more points than the activity is registered for", "coordinator", _ACTIVITY + ", or ask why, then send it again"),
        ("points_partial", "the board takes the activity's whole credit or none, and less was claimed", "coordinator", "ask the learner for the rest; or " + _ACTIVITY + ", then send it again"),
        ("claims_above_maximum", "with what this learner has claimed before, it is more than the activity gives", "coordinator", "compare the learner's claims: withdraw one, or correct total_points in the activities table, then send it again"),
        ("date_in_future", "the completion is dated in the future", "LMS admin", "correct the clock or the mapping's time zone, then send it again"),
        ("date_outside_activity", "the completion is outside the activity's dates", "coordinator", "add the activity of that period to the activities table, then send it again"),
        ("occurrence_missing", "the activity allows repeats, but the event names none", "LMS admin", "map the session, claim or day to occurrence, then send it again"),
        ("occurrence_no_date", "the activity is credited once a day, but the event's occurrence is no date", "LMS admin", "map to occurrence a date that the LMS does not change, then send it again"),
        ("occurrence_changed", "this learner has credit in the activity already, counted in another way than its row says now", "coordinator", "set repeats back in the activities table, or give the series an activity name of its own; then send it again"),
        # people decide
        ("retracted", "the LMS took the completion back", "nobody", "nothing to do"),
        ("retracted_after_sending", "the LMS took back what PARS may have", "coordinator", "agree to withdraw it from PARS, or decline to keep it"),
        ("retracted_in_part", "the LMS took back one of several events of this completion; another, of another time, stands", "coordinator", "agree to take the completion back, or decline to keep it"),
        ("changed_after_sending", "the LMS changed what PARS has already", "coordinator", "agree if the new one is right: PARS is corrected; or decline"),
        ("completed_after_withdrawal", "completed again after it was taken back", "coordinator", "agree if it counts, or decline"),
        ("purged", "it was purged: nothing of the learner is kept", "nobody", "nothing can be done with it any more"),
        ("read_otherwise", "today's mapping reads another learner or course out of the event", "LMS admin", "check the mapping; if it is right, withdraw the credit and have the LMS send the event again"),
        ("accepted_meanwhile", "the board accepted what was about to be withdrawn", "coordinator", "agree to withdraw it all the same, or decline to keep it"),
        ("reported_again", "reported again after it was withdrawn", "coordinator", "agree if it counts, or decline"),
        ("consent_withdrawn", "the learner took the consent back after it was reported", "coordinator", "agree, and PARS is asked to delete it; or decline, with a reason, to keep it"),
        ("no_longer_derived", "the tables no longer lead to what PARS was sent", "coordinator", "agree to withdraw it if it was wrong, or decline to keep it"),
        ("discarded", "a person closed it for good", "nobody", "nothing to do; it can be taken back (deadletter undo)"),
        ("declared_not_ours", "a person said that the activity is not ours", "nobody", "nothing to do; it can be taken back (deadletter undo)"),
        ("corrected_to_another", "a person corrected whose it is, or of which course", "nobody", "nothing to do: it counts there"),
        ("original_lost", "the event was too large to be published, and what kept it is lost", "LMS admin", "have the LMS send the event again, then discard this one"),
        # PARS
        ("identity_mismatch", "PARS could not match the learner: board ID, name and birth date do not agree", "coordinator", "ask the learner, " + _TABLE + ", then send it again"),
        ("activity_unknown", "PARS does not know the activity, or it is not this provider's", "coordinator", "check the PARS activity ID in the activities table, then send it again"),
        ("activity_not_registered", "the activity is not registered for this board's MOC", "coordinator", "register it in PARS, then send it again"),
        ("duplicate_not_ours", "PARS has this credit already, under an ID that is not ours", "coordinator", "look it up in PARS; somebody reported it by hand"),
        ("refused_by_pars", "PARS refused it for a reason we do not know", "coordinator", "read PARS's answer (credit answers), correct what it names, then send it again"),
        ("gave_up", "PARS failed on this credit again and again", "SRE", "look at PARS's answers, then send it again"),
        ("vanished", "PARS took it and no longer knows it", "SRE", "ask ACCME, then send it again"),
        ("stands_in_a_file", "it stands in a report by file that has no answer yet", "coordinator", "bring its results (report import), or undo the report; then correct it"),
        ("not_uploaded", "the file that reports it was written days ago, and PARS does not know the credit", "coordinator", "upload the file, or destroy it; then send it again"),
        ("cannot_tell_which", "PARS shows fewer credits of this learner's day than the file reported", "coordinator", "bring PARS's result sheet (report import), or delete in PARS what it shows of that day and send it again"),
        ("no_credit_id", "PARS shows the credit without a CreditID, so it cannot be withdrawn from here", "coordinator", "delete it in PARS; it goes on by itself then"),
        ("document_invalid", "the report does not satisfy PARS's form", "SRE", "correct the named field, then send it again"),
        ("activity_not_ours", "PARS has the activity under another provider", "coordinator", "check the PARS activity ID and the profile in the activities table, then send it again"),
        ("credit_type_not_registered", "the activity is not registered for this type of credit", "coordinator", "register it in PARS, or " + _ACTIVITY + ", then send it again"),
        ("reporting_closed", "PARS has closed the activity or its reporting year", "coordinator", "ask ACCME to open it, then send it again"),
        ("before_board_joined", "the completion lies before the board began to take part", "coordinator", "check the date; nothing can be reported if it is right"),
        ("points_invalid", "PARS does not accept the points", "coordinator", "compare the points in PARS with the activities table, then send it again"),
        ("identity_ambiguous", "PARS found more than one person", "coordinator", "ask the learner, " + _TABLE + ", then send it again"),
        ("licence_mismatch", "PARS could not match the NPI or the state licence", "coordinator", "correct or clear the NPI in the learners table, then send it again"),
        ("provider_mismatch", "PARS does not take reports of this provider from us", "SRE", "check provider_id and user of the profile, then send it again"),
        ("credit_id_used_up", "PARS has had a report under this ID and deleted it", "SRE", "ask ACCME whether the ID may be used again"),
        ("document_refused", "PARS refused the form of the report", "SRE", "compare with ACCME's present form, then send it again"),
        ("duplicate_answer", "PARS says that it has this credit already", "coordinator", "look it up in PARS, then send it again"),
        ("record_unknown", "PARS does not know the record that was to be withdrawn", "coordinator", "look it up in PARS"),
        ("still_there", "PARS took the withdrawal, but still shows the credit", "coordinator", "look it up in PARS; delete it there, or ask ACCME"),
        ("answer_not_understood", "PARS answered something that cannot be read", "SRE", "look at PARS's answers, then send it again"),
        ("answer_about_another_credit", "PARS answered about another credit", "SRE", "tell ACCME; it is asked again by itself"),
        ("status_refused", "PARS refused to say how the credit stands", "SRE", "look at PARS's answers; it is asked again by itself"),
        ("unreachable", "PARS could not be reached", "SRE", "check the network and the profile's url; it goes by itself then"),
        ("cut", "the connection to PARS broke off", "nobody", "nothing to do; PARS is asked before it is sent again"),
        ("pars_unavailable", "PARS is busy or down", "nobody", "nothing to do; it goes by itself later"),
        ("tls_failed", "PARS could not prove that it is PARS", "SRE", "check certificates, clock and the profile's url"),
        ("credentials", "PARS refused our user or password", "SRE", "correct the profile's credentials; everything goes by itself then"),
        ("contract", "PARS does not answer as agreed at this address", "SRE", "check the profile's url, then ask ACCME"),
        ("redirected", "PARS sent us to another address", "SRE", "check the profile's url, then ask ACCME"),
        # the board
        ("board_identity", "the board could not match the learner", "coordinator", "ask the learner, " + _TABLE + ", then send it again"),
        ("board_already_credited", "the board has given this credit already", "nobody", "nothing to do, unless the learner asks"),
        ("board_rejected", "the board rejected it", "coordinator", "read the board's reason (credit answers), correct what it names, then send it again"),
        ("internal", "a fault of this program", "SRE", "report it to its makers, then send it again"),
    ]
}  # fmt: skip

_BY_STAGE = {
    Stage.DECODE: Advice("the event cannot be read", "LMS admin", "correct what the LMS sends, and have it send the event again"),
    Stage.SCHEMA: Advice("the event has an unexpected form", "LMS admin", "correct what the LMS sends, or the schema; then send it again"),
    # Every fault of a mapping has its own words above; what is left are an office's own excuses.
    Stage.MAP: Advice("its mapping says that it is not to be reported", "LMS admin", "nothing to do, or correct not_reportable in the mapping, then send it again"),
    Stage.PARS: Advice("PARS refused it", "coordinator", "correct what the reason names, then send it again"),
    Stage.BOARD: Advice("the board rejected it", "coordinator", "read the board's reason (credit answers), correct what it names, then send it again"),
}  # fmt: skip
_OTHERWISE = Advice("it needs a look", "coordinator", "look at it, then send it again")


def advice(reason: Reason) -> Advice:
    """What to tell the person who reads this reason; there is always an answer."""
    told = ADVICE.get(reason.code) or _BY_STAGE.get(reason.stage, _OTHERWISE)
    lacks = _LACKS.get(reason.code)
    happened = lacks(reason) if lacks else ""
    return replace(told, happened=happened) if happened else told


def _misfit(reason: Reason) -> str:
    """What a schema's keyword says of a field of the event."""
    if not reason.field:
        return ""
    if reason.detail == "required":
        return f"the event has no {reason.field}, and its mapping needs it"
    return f"{reason.field} of the event is not as its mapping expects it"


_NEEDED = {
    "learner": "who the learner is",
    "course": "which course it was",
    "completed": "when the course was completed",
    "points": "how many points were claimed",
    "site": "which site it comes from",
}

_LACKS: dict[str, Callable[[Reason], str]] = {
    "schema_mismatch": _misfit,
    "value_missing": lambda reason: (
        f"the event does not say {_NEEDED[reason.field]}" if reason.field in _NEEDED else ""
    ),
}
"""Reasons that say by name what is missing: a name of a field, never what stands in one."""


def days_left(days: int) -> str:
    """How near a deadline is."""
    many = "day" if abs(days) == 1 else "days"
    if days < 0:
        return f"overdue by {-days} {many}"
    return f"{days} {many} left" if days else "due today"

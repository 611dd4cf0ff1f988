"""What to do about each problem of a mapping file and each error of an event: one step each.

docs/mapping-language.md is made from it, and `mapping lint` says it beside each problem.
"""

from __future__ import annotations

LOADING = {
    "to_do": "put the answer in place of `TODO`",
    "syntax": "mend the YAML on that line",
    "duplicate_key": "delete one of the two; a key may stand only once",
    "unknown_key": "see *The file*: is it misspelt?",
    "missing_key": "add it, as *The file* shows",
    "bad_value": "write what the message says the place takes",
    "name_mismatch": "make `mapping:` the file's path below `mappings/`",
    "duplicate_mapping": "delete one of the two files",
    "unknown_target": "see *Targets*: is it misspelt?",
    "missing_target": "add a row for it, see *Targets*",
    "unknown_verb": "see *Verbs*: is it misspelt?",
    "verb_clash": "change the row; the message says which verbs do not go together",
    "path_syntax": "see *Paths*",
    "path_not_in_schema": "most likely misspelt; if the LMS does send it, add it to the schema",
    "path_never_seen": "most likely misspelt; else add an example that has it",
    "schema_missing": "`schema:` names a file below `schemas/`",
    "schema_invalid": "the schema must be a JSON Schema that refers to no other file; a `pattern`"
    " in it may not look around or refer back, since that might never end",
    "too_large": "a mapping file may hold 64 KiB, a schema 1 MiB: divide it",
    "example_missing": "add an example, see *Examples*",
    "example_incomplete": "add the other file of the pair, or delete this one",
    "example_unreadable": "see *Examples* for the form of the two files",
    "example_failed": "run `moc-consumer mapping test NAME`; mend the mapping or the expectation",
    "ambiguous_mapping": "two mappings claim one event: make their `match` exclude each other",
    "mapping_missing": "examples without a mapping: was it renamed? Rename the folder too",
    "no_such_mapping": "`moc-consumer mapping lint` lists those there are",
    "outside_mappings": "`mapping try` takes a file below the folder of mappings",
    "unreadable": "the file must be there, readable, and UTF-8 text",
    "event_unreadable": "the file must hold JSON, as the LMS sent it or as an example has it",
}
"""By code: what is wrong with files."""

READING = {
    "unknown_event": ("no mapping knows it", "write a mapping, or list it in one of kind `ignore`"),
    "ambiguous_mapping": (
        "several do, or take the same message whole and apart",
        "make their `match` exclude each other",
    ),
    "too_many_events": ("more than 10,000 in one message", "have the sender send them in several"),
    "schema_mismatch": (
        "it is not as the schema says; the detail is the schema's keyword",
        "has the LMS changed? Adapt the schema",
    ),
    "value_missing": (
        "nothing there",
        "ask why the LMS does not send it; `optional` or `first_of` if that is normal",
    ),
    "wrong_type": (
        "a list, an object, true, or a decimal number where an id should be",
        "take a deeper path, or `map` for true and false",
    ),
    "date_not_understood": (
        "the text does not fit the form, is no date, or lies before 1990 or after 2199",
        "adapt `instant` or `date`",
    ),
    "zone_missing": (
        "a time without a zone",
        "find out which zone the LMS means, and add `zone`",
    ),
    "ambiguous_value": (
        "a filter finds several values, two date forms read differently, or a part of a `join`"
        " holds its separator",
        "make the row unambiguous",
    ),
    "join_incomplete": ("one part is missing", "as `value_missing`"),
    "not_in_map": ("the value is not in the table of `map`", "add it, if its meaning is known"),
    "number_not_understood": ("no plain number", "ask what the LMS means"),
}
"""By code: what is wrong with an event, what it means and what to do."""

_NOTHING = ("", "")


def next_step(code: str) -> str:
    """What a person does next about this code; blank for one that says it all."""
    return LOADING.get(code) or READING.get(code, _NOTHING)[1]

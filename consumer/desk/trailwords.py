"""What each word of the audit trail means, for whoever reads it."""

from __future__ import annotations

MEANINGS: dict[str, str] = {
    "activity.add": "registered an activity with PARS",
    "activity.delete": "had PARS delete an activity's registration",
    "activity.held": "held an activity: its credits wait for a release",
    "activity.rehearsed": "had an activity rehearsed: nothing of it is sent",
    "activity.released": "let an activity go by itself again",
    "activity.report_written": "wrote the report of an activity with its learners' names and IDs",
    "activity.update": "changed an activity's registration with PARS",
    "asklist.written": "wrote the list of learners to be asked: names and addresses",
    "answers.revealed": "looked at what PARS answered, word for word",
    "audit.revealed": "opened why and the values of a row of this trail",
    "audit.written": "wrote the audit pack of an activity: files with personal data",
    "credit.corrected": "put right what was sent, by the tables as they were then",
    "credit.deleted_by_hand": "said that a credit was deleted in PARS by hand; PARS confirmed it",
    "credit.entered_by_hand": "said that a credit was entered in PARS by hand; PARS confirmed it",
    "credit.released": "let a credit go that waited for its release",
    "credit.revealed": "looked at the values that a credit was made from",
    "credit.withdrawn": "took a credit back",
    "credits.adopted": "took over credits that PARS had before this service",
    "learner.revealed": "looked at a learner's names and IDs",
    "ledger.restored": "put the ledger back from a backup",
    "letter.agreed": "agreed to what a record asked",
    "letter.declined": "declined what a record asked",
    "letter.discarded": "closed a record for good: nobody can or shall mend it",
    "letter.edited": "corrected what the event of a record says",
    "letter.not_ours": "closed a record as another provider's",
    "letter.recovered": "brought back a record that a lost ledger had",
    "letter.reopened": "took the closing of a record back",
    "letter.replayed": "sent a record again",
    "letter.revealed": "looked at the event of a record, personal data and all",
    "outcomes.written": "wrote a day's outcomes into a file, with the LMS's own learner IDs",
    "report.answered": "brought back what PARS answered to a report by file",
    "report.exported": "wrote a report by file",
    "report.undone": "took a report by file back",
    "row.revealed": "looked at the values of one row of a table",
    "source.held": "held an LMS: its credits wait for a release",
    "source.rehearsed": "had an LMS rehearsed: nothing of it is sent",
    "source.released": "let an LMS go that was held",
    "table.edited": "added, changed or removed one row of a table",
    "table.exported": "took a whole table out as a file: everybody in it",
    "table.imported": "put a spreadsheet in force as a table",
    "table.revealed": "looked at the values of a table, or of a spreadsheet for it",
    "table.undone": "put an earlier version of a table back",
    "user.added": "let somebody sign in to the console",
    "user.password": "gave a user of the console another password",
    "user.removed": "took a user of the console out",
    "user.role": "gave a user of the console another role",
    "user.signed_in": "signed in to the console",
    "user.signed_out": "signed out of the console",
    "user.signed_out_everywhere": "ended all visits to the console by that name",
    "webhook.enabled": "had a webhook tried again",
    "webhook.skipped": "left out one outcome that a webhook would not take",
}
"""One sentence for each action, to be read after the person's name; a test knows every word."""


def meaning(what: str) -> str:
    """The sentence, or the word itself where a later version wrote one that this one knows not."""
    return MEANINGS.get(what, what)

"""What goes round again: letters that people replay, and their bytes sent once more by any tool."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from consumer.bus.port import Message
from consumer.fate import Ignored, NotReportable, Refused
from consumer.journey import Heard, House
from consumer.ledger.bookkeeper import Bookkeeper
from consumer.ledger.ledger import Ledger
from consumer.ledger.letters import Status, any_unread, mark_replayed, open_by_content
from consumer.ledger.newcomers import Keys
from consumer.ledger.originals import hear_again, origin_of_letter
from consumer.ledger.schema import letters
from consumer.ledger.seal import unpack_original
from consumer.mapping.said import Said
from consumer.reason import Reason, Stage

_LETTER_ID = re.compile(rb"dl-[0-9a-f]{24}")
_Place = tuple[str, int, int]


class Rounds(Bookkeeper):
    """The bookkeeper who also knows letters by their bytes; one transaction's worth."""

    def __init__(self, connection: Connection, ledger: Ledger, house: House, now: datetime) -> None:
        super().__init__(connection, ledger, house, now)
        self._house = house
        self._asked: dict[_Place, Row[Any]] = {}
        self._unread: dict[_Place, list[Row[Any]]] = {}
        self._came: dict[_Place, list[Heard]] = {}

    # ------------------------------------------------------------ from the bus

    def take_all(self, heard: Sequence[tuple[Message, Heard]]) -> None:
        """Write a batch; a letter whose bytes come once more, and can be read now, is settled."""
        messages = list({_place(message): message for message, _ in heard}.values())
        self._asked = self._named(messages)
        self._unread = self._by_content(messages)
        super().take_all(heard)
        for place, came in self._came.items():
            for letter in self._unread[place]:
                if self._says_the_same(letter, came):
                    self._credits.settle_letter(letter.id)

    def _named(self, messages: Iterable[Message]) -> dict[_Place, Row[Any]]:
        """Messages that name an open letter about a credit, and are its bytes: asked to go again.

        Said once more without its name, PARS's refusal or the board's would still be the answer.
        """
        names = {_place(m): (m, name) for m in messages if (name := _name_in(m))}
        if not names:
            return {}
        ids = [name for _, name in names.values()]
        c = letters.c
        wanted = (c.id.in_(ids), c.status == Status.OPEN, c.credit_row.is_not(None))
        rows = self._db.execute(select(letters).where(*wanted, c.stage != Stage.REVIEW))
        known = {row.id: row for row in rows}
        found = {place: (m, known[name]) for place, (m, name) in names.items() if name in known}
        return {place: row for place, (m, row) in found.items() if self._is_its(row, m)}

    def _is_its(self, letter: Row[Any], message: Message) -> bool:
        own = unpack_original(self._ledger.seal.open(letter.original)).value
        return bool(own) and own == message.value

    def _by_content(self, messages: Iterable[Message]) -> dict[_Place, list[Row[Any]]]:
        """Messages that are the bytes of open letters which nobody could read."""
        if not any_unread(self._db):
            return {}
        contents = {_place(m): c for m in messages if (c := self._credits.content(m.value))}
        known = open_by_content(self._db, [*contents.values()])
        return {place: known[c] for place, c in contents.items() if c in known}

    def _says_the_same(self, letter: Row[Any], came: Sequence[Heard]) -> bool:
        """Whether all is read that the letter's event says today: it is not needed any more.

        The same bytes may say something else under other headers, or another key.
        """
        _, heard = hear_again(self._ledger.seal, letter, self._house, self._now)
        own = [_what_it_says(one) for one in heard]
        return None not in own and own == [_what_it_says(one) for one in came]

    def _take(self, message: Message, what: Heard, keys: Keys | None) -> None:
        place = _place(message)
        digest = self._digests.of(message, what.part)
        if (*place, digest) not in self._known:
            letter = self._asked.pop(place, None)
            if letter is not None and mark_replayed(self._db, letter.id):
                self._known.add((*place, digest))
                _, heard = hear_again(self._ledger.seal, letter, self._house, self._now)
                fate = self.replay(letter, message, heard)
                self._remember((*place, digest), fate, letter.completion_id)
                return
            if place in self._unread:
                self._came.setdefault(place, []).append(what)
        super()._take(message, what, keys)

    def _refuse_event(
        self, message: Message, what: Heard, reasons: tuple[Reason, ...], digest: str
    ) -> None:
        named = _name_in(message)
        for letter in self._unread.get(_place(message), ()):
            if letter.id == named:
                # Its own headers and key are not those that a tool gave it: they stay.
                self._credits.refuse(letter.id, reasons, origin_of_letter(letter))
                return
        super()._refuse_event(message, what, reasons, digest)

    # ------------------------------------------------------------ by a person

    def replay(self, letter: Row[Any], message: Message, heard: Sequence[Heard]) -> str:
        """Take a dead letter's bytes through today's journey; gives the new fate.

        Where they turn out to hold several events, the letter was about one of them.
        """
        own = self._rows.meant(letter.completion_id, heard)
        for what in heard:
            if what is not own:
                self.enter_further(message, what)
        return self._replay(letter, message, own)

    def _replay(self, letter: Row[Any], message: Message, what: Heard) -> str:
        self._credits.publish_letter(letter.id)
        if letter.credit_row and self._credits.withdraw_now(letter):
            return "withdrawing"
        if what.said is None and isinstance(what.judgement, Refused):
            self._credits.refuse(letter.id, what.judgement.reasons, self._origin(message, what))
            return "refused"
        if what.said is None or isinstance(what.judgement, Ignored):
            self._credits.settle_letter(letter.id)
            return "not_reportable"
        if self._is_moved(letter, what, what.said):
            return self._elsewhere(letter, message, what, what.said)
        if letter.completion_id is not None and what.said.retracts:
            fate = self._withdraw(letter.completion_id, what.said)
        elif letter.completion_id is None:
            # It could not be read when it came: it arrives now, and overrules nothing since.
            fate, _ = self._settle(message, what, self._digests.of(message, what.part))
        else:
            fate, _ = self.enter(what, what.said, what.judgement, message, replay=True)
        self.write_gathered()
        if letter.completion_id is None or fate == "duplicate":
            self._credits.settle_letter(letter.id)
        if letter.credit_row:
            self._credits.ask_again(letter.credit_row)
        return fate

    def _is_moved(self, letter: Row[Any], what: Heard, said: Said) -> bool:
        """Whether a person has corrected whose it is, or of which course."""
        if what.edit is None or letter.completion_id is None:
            return False
        row = self._rows.find(said)
        return row is None or row.id != letter.completion_id

    def _elsewhere(self, letter: Row[Any], message: Message, what: Heard, said: Said) -> str:
        """The completion as it was gives no credit any more; the corrected one arrives now."""
        row = self._rows.get(letter.completion_id)
        closed = NotReportable(Reason(Stage.REVIEW, "corrected_to_another"))
        self.rejudge(row, self._rows.said(row), closed)
        fate = "duplicate"
        if not isinstance(what.judgement, Ignored):
            fate, _ = self.enter(what, said, what.judgement, message)
        self.write_gathered()
        self._credits.settle_letter(letter.id)
        return fate


def _place(message: Message) -> _Place:
    return message.topic, message.partition, message.offset


def _name_in(message: Message) -> str:
    """The letter that a message names, by its key or a header, as tools copy them."""
    named = [message.key or b"", *(v for name, v in message.headers if name == "moc-letter-id")]
    return next((name.decode() for name in named if _LETTER_ID.fullmatch(name)), "")


def _what_it_says(what: Heard) -> tuple[object, ...] | None:
    """What of an event makes it news; None for one that nobody can read."""
    if what.said is None:
        return None if isinstance(what.judgement, Refused) else (type(what.judgement),)
    said = what.said
    who = (said.site, said.learner, said.course, said.occurrence)
    return (said.kind, *who, said.completed, said.points, said.retracts)

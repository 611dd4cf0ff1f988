"""The spans of intake: one of each batch, one of each new event in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from consumer.bus.port import Message
from consumer.journey import Heard
from consumer.ledger.surges import Settled
from consumer.telemetry.spans import PROCESS, Begun, Tracing
from consumer.trace import carried, traceparent_of

Pair = tuple[Message, Heard]


class Tracks:
    """Spans of the events of one batch: begun before the ledger's transaction, ended after it.

    Before, so that what the ledger keeps of an event is the span that its credits go on below. Of
    what turns out to be no news, or is not written, the span never ends, and nobody sees it.
    """

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing
        self._begun: dict[str, Begun] = {}

    def begin(self, heard: Sequence[Pair], began: int) -> list[Pair]:
        """The same, each with the trace that it goes on in; `began` is when its batch came."""
        if not self._tracing.on:
            return [*heard]
        batch = carried.get()
        return [(message, self._one(message, what, batch, began)) for message, what in heard]

    def _one(self, message: Message, what: Heard, batch: str, began: int) -> Heard:
        after = traceparent_of(message.headers)
        begun = self._tracing.begin(PROCESS, after=after, links=(batch,), began=began)
        if begun is None:
            return what
        self._begun[begun.traceparent] = begun
        place = {"partition": message.partition, "offset": message.offset}
        begun.tell(topic=message.topic, **place)
        return replace(what, trace=begun.traceparent)

    def end(self, settled: Sequence[Settled], names: Mapping[int, str]) -> None:
        """These are in the ledger; `names` are the CreditIDs of their completions."""
        for one in settled:
            begun = self._begun.pop(one.trace, None)
            if begun is not None:
                begun.tell(
                    source=one.source,
                    mapping=one.mapping,
                    fate=one.fate,
                    reason=one.refused[0].code if one.refused else "",
                    credit_id=names.get(one.completion or 0, ""),
                )
                begun.end()
        self._begun.clear()

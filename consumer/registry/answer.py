"""What a registry's answer to a question for one schema means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from consumer.decoding.schemas import SchemasAway

_FOUND, _NOT_FOUND = 200, 404
_NO_SUCH_SCHEMA = 40403
_WRONG_CREDENTIALS = {401, 403}


@dataclass(frozen=True, slots=True)
class Told:
    """A schema as the registry has it."""

    text: str
    kind: str
    refers: bool


def schema_told(status: int, body: bytes) -> Told | None:
    """The schema of an answer; None where the registry says that it has none of that number.

    That it has none is believed only in the registry's own words (error_code 40403): the 404 of a
    wrong address would refuse every event. Raises SchemasAway for everything else.
    """
    answer = _object(body)
    if status == _NOT_FOUND and answer.get("error_code") == _NO_SUCH_SCHEMA:
        return None
    check_served(status)
    text, kind = answer.get("schema"), answer.get("schemaType", "AVRO")
    if status != _FOUND or not isinstance(text, str):
        raise SchemasAway(f"what answers (HTTP {status}) is no schema registry: check registry.url")
    return Told(text, str(kind), bool(answer.get("references")))


def check_served(status: int) -> None:
    """Raise SchemasAway where the registry does not serve us, whatever it was asked."""
    if status in _WRONG_CREDENTIALS:
        raise SchemasAway(
            f"it refuses us (HTTP {status}): check registry.user and registry.password"
        )
    if 300 <= status < 400:
        raise SchemasAway(f"it sends us elsewhere (HTTP {status}): check registry.url")
    if status == 429 or status >= 500:
        raise SchemasAway(f"it does not work at present (HTTP {status})")


def _object(body: bytes) -> dict[str, Any]:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return answer if isinstance(answer, dict) else {}

"""A new LMS that shall post: a secret for it, the settings to paste, and what to enter there."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from consumer.durable import give_to_owner, sync
from consumer.gateway.application import PATH

_SECRET_BYTES = 32


class Kind(StrEnum):
    """The LMSs whose way of posting is known."""

    MOODLE = "moodle"
    CANVAS = "canvas"
    DOCEBO = "docebo"
    XAPI = "xapi"
    GENERIC = "generic"


class AlreadyThere(Exception):
    """There is a source or a secret by this name; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Introduction:
    """What a person does next, on both sides."""

    name: str
    kind: str
    url: str
    secret_file: str
    enter: tuple[str, ...]
    settings: str


def introduce(name: str, kind: Kind, address: str, secret_file: Path) -> Introduction:
    """Make the secret, in a file that its owner alone can read. Raises AlreadyThere, OSError."""
    _make(secret_file)
    url = f"{address.rstrip('/')}{PATH}{name}"
    lines = [f"[gateway.sources.{name}]", *_SETTINGS[kind](name)]
    # TOML's literal text: a path of Windows keeps its backslashes.
    lines.append(f"secret_file = '{secret_file}'")
    enter = tuple(one.format(url=url, file=secret_file, name=name) for one in _ENTER[kind])
    return Introduction(name, kind.value, url, str(secret_file), enter, "\n".join(lines))


def _make(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise AlreadyThere(
            f"{file} is there already: take another name, or remove the file for a new secret"
        ) from None
    with os.fdopen(handle, "w") as opened:
        opened.write(secrets.token_urlsafe(_SECRET_BYTES) + "\n")
        opened.flush()
        os.fsync(opened.fileno())
    give_to_owner(file)
    sync(file.parent)


_SETTINGS: dict[Kind, Callable[[str], list[str]]] = {
    Kind.MOODLE: lambda _: ['auth = "body"', 'field = "token"'],
    Kind.CANVAS: lambda _: ['auth = "header"', 'header = "X-Webhook-Secret"'],
    Kind.DOCEBO: lambda name: ['auth = "basic"', f'user = "{name}"'],
    Kind.XAPI: lambda name: [
        'auth = "basic"', f'user = "{name}"', 'keep_headers = ["X-Experience-API-Version"]',
    ],
    Kind.GENERIC: lambda _: ['auth = "header"', 'header = "X-Webhook-Secret"'],
}  # fmt: skip
_SECRET = "what stands in {file}"  # noqa: S105  says where it is
_ENTER: dict[Kind, tuple[str, ...]] = {
    Kind.MOODLE: (
        "for the plugin local_webhooks, a webhook with",
        "the address: {url}",
        f"the token: {_SECRET}",
        "the content type: application/json",
        "the event: \\core\\event\\course_completed"
        " (with local_recompletion also \\local_recompletion\\event\\completion_reset)",
    ),
    Kind.CANVAS: (
        "Canvas itself sends no secret, only events that are plain or signed by Instructure, which"
        " the gateway cannot check; what fetches them from SQS, or a proxy that checks them, posts",
        "to: {url}",
        f"with the header X-Webhook-Secret: {_SECRET}",
        "in Canvas: the format Canvas (not Caliper), the event course_completed",
    ),
    Kind.DOCEBO: (
        "for the webhook with course.enrollment.completed, .deleted and .updated",
        "the address: {url}",
        "HTTP Basic with the user {name}",
        f"and the password: {_SECRET}",
    ),
    Kind.XAPI: (
        "where the LRS forwards statements, or the LMS has its LRS",
        "the address: {url} (an LMS adds /statements to it)",
        "HTTP Basic with the user {name}",
        f"and the password: {_SECRET}",
    ),
    Kind.GENERIC: (
        "in the LMS, a webhook with",
        "the address: {url}",
        f"the header X-Webhook-Secret: {_SECRET}",
        "an LMS that proves itself in another way: see docs/webhooks.md",
    ),
}

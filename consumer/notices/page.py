"""A digest as text and as simple HTML that a phone shows well."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from consumer.notices.digest import Digest, Line, Section, counted
from consumer.notices.matter import Kind

_FOOT = "This message holds no names and no IDs; who it is about is shown after signing in."
_COMMANDS = {
    Kind.STOPPED: "moc-consumer ready",
    Kind.SURGE: "moc-consumer source list",
    Kind.GONE: "moc-consumer webhook list",
    Kind.MISSING: "moc-consumer reconcile --results",
    Kind.AT_RISK: "moc-consumer credit list --at-risk",
    Kind.REJECTED: "moc-consumer credit list --state rejected",
    Kind.WAITING: "moc-consumer deadletter list",
    Kind.HELD: "moc-consumer credit list --state ready",
}

_BODY = "margin:0;padding:16px;font:16px/1.45 sans-serif;color:#1b1b1b;background:#fff"
_BOX = "max-width:600px;margin:0 auto"
_H2 = "font-size:18px;margin:24px 0 8px"
_ITEM = "margin:0 0 12px;padding-left:12px;border-left:4px solid #c9d3df"
_SMALL = "color:#555;font-size:14px"


@dataclass(frozen=True, slots=True)
class Page:
    """A notice as it is read: by programs for mail that show HTML, and by those that do not."""

    subject: str
    text: str
    html: str


def page(digest: Digest, console_url: str = "") -> Page:
    """The digest with a link to the console, or the commands where there is none."""
    return Page(digest.subject, _text(digest, console_url), _html(digest, console_url))


def _text(digest: Digest, console_url: str) -> str:
    parts = [digest.title.capitalize() + "."] if digest.title else []
    parts += [_section_text(one, console_url) for one in digest.sections]
    if mended := _mended(digest):
        parts.append(mended)
    return "\n\n".join([*parts, _FOOT]) + "\n"


def _section_text(section: Section, console_url: str) -> str:
    lines = [section.heading.upper()]
    for line in section.lines:
        lines.append(f"\n- {_head(line)}")
        lines += [f"  {part}" for part in _below(line)]
    if section.more:
        lines.append(f"\n- and {section.more} more")
    where = _link(console_url) or _COMMANDS[section.kind]
    return "\n".join([*lines, f"\nSee: {where}"])


def _html(digest: Digest, console_url: str) -> str:
    parts = [f"<p>{escape(digest.title.capitalize())}.</p>"] if digest.title else []
    parts += [_section_html(one, console_url) for one in digest.sections]
    if mended := _mended(digest):
        parts.append(f"<p>{escape(mended)}</p>")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(digest.subject)}</title></head>"
        f'<body style="{_BODY}"><div style="{_BOX}">{"".join(parts)}'
        f'<p style="{_SMALL}">{_FOOT}</p></div></body></html>\n'
    )


def _section_html(section: Section, console_url: str) -> str:
    items = [_item(line) for line in section.lines]
    if section.more:
        items.append(f'<p style="{_ITEM}">and {section.more} more</p>')
    return f'<h2 style="{_H2}">{escape(section.heading)}</h2>{"".join(items)}' + _see(
        section.kind, console_url
    )


def _item(line: Line) -> str:
    below = "".join(f"<br>{escape(part)}" for part in _below(line))
    return f'<p style="{_ITEM}"><b>{escape(_head(line))}</b>{below}</p>'


def _see(kind: Kind, console_url: str) -> str:
    if link := _link(console_url):
        return f'<p><a href="{escape(link)}">Open the console</a></p>'
    return f'<p style="{_SMALL}">See: <code>{escape(_COMMANDS[kind])}</code></p>'


def _link(console_url: str) -> str:
    return console_url.rstrip("/") + "/" if console_url else ""


def _head(line: Line) -> str:
    by = f", report by {line.by}" if line.by else ""
    return f"{line.where}: {line.count}{by}"


def _below(line: Line) -> list[str]:
    return [part for part in (line.what, line.how and f"What to do: {line.how}") if part]


def _mended(digest: Digest) -> str:
    told = [counted(kind, count) for kind, count in digest.mended]
    return f"Settled since the last message: {', '.join(told)}." if told else ""

"""`notice`: what people are told, a look at today's digest, and a test of the way to them."""

from __future__ import annotations

import secrets

import click

from consumer.cli.context import ledger_of, settings_of, telling_faults
from consumer.cli.output import FAILED, fail, show_rows
from consumer.clock import SystemClock
from consumer.desk.noticing import Notices, list_notices
from consumer.notices.digest import Digest
from consumer.notices.handing import Hands
from consumer.notices.mail import CannotTell
from consumer.notices.matter import Role
from consumer.notices.page import page
from consumer.settings.notices import NoticesSettings

_COLUMNS = ["to", "by", "standing", "made_at", "subject", "cause"]
_NOBODY = "notices.to names nobody: see docs/notices.md"
_TRIAL = Digest((), title="this is a test: whoever reads it is reached")


@click.group()
def notice() -> None:
    """Notices: what people are told by mail or webhook."""


@notice.command("list")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="Most rows.")
@click.pass_context
def list_(context: click.Context, limit: int) -> None:
    """List what was told to whom and when, and what waits and why; newest first."""
    ledger = ledger_of(settings_of(context))
    with telling_faults():
        rows = list_notices(ledger, limit)
    show_rows(rows, _COLUMNS, "Nobody was told anything yet.")


@notice.command()
@click.option("--role", type=click.Choice([one.value for one in Role]), help="Only for this role.")
@click.option("--html", is_flag=True, help="As HTML, the way programs for mail show it.")
@click.pass_context
def preview(context: click.Context, role: str | None, *, html: bool) -> None:
    """Show today's digest as it would be sent now; nothing is sent."""
    settings = settings_of(context)
    said = _told_somebody(settings.notices)
    desk = Notices(ledger_of(settings), said, SystemClock(), settings.sending.at_risk_days)
    for one, way in said.ways:
        if role in (None, one.value):
            with telling_faults():
                digest, _ = desk.digest(one, way)
            _show(digest, one, way, said.console_url, html=html)


def _show(digest: Digest, role: Role, way: str, console_url: str, *, html: bool) -> None:
    told = page(digest, console_url)
    if html:
        click.echo(told.html)
        return
    click.echo(f"To: {role}, by {way}")
    if not digest.sections and not digest.mended:
        click.echo("Nothing to tell.\n")
    else:
        click.echo(f"Subject: {told.subject}\n\n{told.text}")


@notice.command()
@click.option("--to", default="", help="This mail address, instead of everybody in the settings.")
@click.pass_context
def test(context: click.Context, to: str) -> None:
    """Send a test notice to everybody whom the settings name, or to one address."""
    said = settings_of(context).notices
    if to and not said.mail.host:
        fail(["notices.mail.host: needed to send a mail; see docs/notices.md"])
    ways = [to] if to else [f"{role}, by {way}" for role, way in _told_somebody(said).ways]
    failed = False
    for number, name in enumerate(ways):
        try:
            refused = _try(said, to, number)
        except CannotTell as error:
            click.echo(f"{name}: {error}", err=True)
            failed = True
        else:
            click.echo(f"{name}: sent" + (f", {refused} address(es) refused" if refused else ""))
            failed = failed or bool(refused)
    if failed:
        context.exit(FAILED)


def _try(said: NoticesSettings, to: str, number: int) -> int:
    hands, now, message = Hands(said), SystemClock().now(), secrets.token_hex(16)
    if to:
        return hands.mail([to], _TRIAL, message, now)
    return hands.tell(*said.ways[number], _TRIAL, message, now)


def _told_somebody(said: NoticesSettings) -> NoticesSettings:
    if not said.ways:
        fail([_NOBODY])
    return said

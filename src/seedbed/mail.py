"""Mails: what they say, in their reader's language, and the way out. They go over SMTP where the operator has set a
server, else into the log, so that a laptop needs none.

Owns no table. A letter is plain text, for every reader and every filter.
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from seedbed.errors import ConfigError
from seedbed.settings import Settings
from seedbed.telemetry import log
from seedbed.web.words import Words

TIMEOUT_S = 15.0
SCHEMES = {"smtp": 587, "smtps": 465}
"""With STARTTLS where the server offers it, and with TLS from the first byte."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail in `language`, a tag."""

    language: str
    subject: str
    text: str


def new_password(say: Words, url: str) -> Letter:
    """The way to another password."""
    text = say("Choose a new password within an hour:\n\n{url}\n\nIf you did not ask for it, do nothing.", url=url)
    return Letter(say.language, say("A new password for Seedbed"), text)


def invitation(say: Words, email: str, url: str) -> Letter:
    """An invitation to the team of `email`."""
    text = say(
        "{email} invites you to a team at Seedbed. Follow this link within a week:\n\n{url}\n\n"
        "If you do not know them, do nothing.", email=email, url=url,
    )  # fmt: skip
    return Letter(say.language, say("An invitation to Seedbed"), text)


def connected(say: Words, email: str, url: str, provider: str) -> Letter:
    """Whose account was connected with a provider should know."""
    text = say(
        "Your account {email} at {url} is now connected with {provider}, and its password works no more. "
        "Look through its API keys, and revoke those that you do not know.\n\n"
        "If that was not you, tell whoever runs the server.", email=email, url=url, provider=provider,
    )  # fmt: skip
    return Letter(say.language, say("Your Seedbed account is connected with {provider}", provider=provider), text)


def low_balance(say: Words, email: str, available: int, threshold: int, url: str) -> Letter:
    """Few credits are left of the account `email`."""
    text = say.count(
        "{number} credit is left of your account {email}, fewer than the {threshold} at which you wanted to be told.",
        "{number} credits are left of your account {email}, fewer than the {threshold} at which you wanted to be told.",
        available, email=email, threshold=threshold,
    )  # fmt: skip
    return Letter(say.language, say("Your credits at Seedbed are running low"), f"{text}\n\n{url}\n")


async def send(settings: Settings, to: str, letter: Letter) -> bool:
    """Send a letter. Returns whether the server took it; what went wrong is logged, for the operator."""
    subject, text = letter.subject, letter.text
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = settings.mail_from, to, subject
    message.set_content(text)
    message["Content-Language"] = letter.language
    if settings.smtp_url is None:
        log.warning(
            "no mail server is set (SEEDBED_SMTP_URL): this mail is not sent", to=to, subject=subject, text=text
        )
        return True
    try:
        await asyncio.to_thread(_post, settings.smtp_url.get_secret_value(), message)
    except (OSError, smtplib.SMTPException) as error:
        log.error("a mail could not be sent", to=to, subject=subject, error=repr(error))
        return False
    return True


def check_url(url: str) -> None:
    """Raises ConfigError unless `url` names a mail server."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise ConfigError("SEEDBED_SMTP_URL must look like smtps://user:password@host:465 or smtp://host:587")


def _post(url: str, message: EmailMessage) -> None:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or SCHEMES[parts.scheme]
    context = ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=context)
    else:
        server = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
    with server:
        server.ehlo()
        if parts.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=context)
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.send_message(message)

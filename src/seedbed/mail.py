"""Mails: over SMTP where the operator has set a server, else into the log, so that a laptop needs none.

Owns no table.
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from seedbed.errors import ConfigError
from seedbed.settings import Settings
from seedbed.telemetry import log

TIMEOUT_S = 15.0
SCHEMES = {"smtp": 587, "smtps": 465}
"""With STARTTLS where the server offers it, and with TLS from the first byte."""


async def send(settings: Settings, to: str, subject: str, text: str) -> bool:
    """Send a mail of plain text. Returns whether the server took it; what went wrong is logged, for the operator."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = settings.mail_from, to, subject
    message.set_content(text)
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

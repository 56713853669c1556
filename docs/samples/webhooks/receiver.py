"""A receiver of webhooks that believes only what the service signed. Python 3.9 or newer, no packages.

    WEBHOOK_SECRET=… PORT=8000 python receiver.py

Prints a line of JSON for each new event. Put it behind a server that speaks https.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import re
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

TOLERANCE_S = 300  # a message may be this old, or this far ahead of our clock
REMEMBER_S = 4 * 86_400  # a message is tried again for three days, under the same id
BODY_BYTES_MAX = 65_536

SECRET = os.environ["WEBHOOK_SECRET"]
if not SECRET:
    raise SystemExit("WEBHOOK_SECRET is empty")


def signing_key(secret):
    """A secret that begins with whsec_ is the base64 of the key; any other is the key itself."""
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret[6:], validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def genuine(headers, body, now):
    """Whether `body`, the bytes as they came, was signed with our secret a short while ago."""
    message_id, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or not re.fullmatch(r"[0-9]{1,12}", sent_at):
        return False
    signed = f"{message_id}.{sent_at}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.new(signing_key(SECRET), signed, hashlib.sha256).digest())
    given = headers.get("webhook-signature", "").split()
    if not any([hmac.compare_digest(expected, each.encode()) for each in given]):
        return False
    return abs(now - int(sent_at)) <= TOLERANCE_S


class Done:
    """The ids of the messages that were handled. Keep them in your database: these are lost with the process."""

    def __init__(self):
        self.ids, self.lock = {}, Lock()

    def once(self, message_id, now, handle):
        """Call `handle` unless it was called for this message before. One that raises was not."""
        with self.lock:
            self.ids = {each: until for each, until in self.ids.items() if until > now}
            if message_id not in self.ids:
                handle()
                self.ids[message_id] = now + REMEMBER_S


DONE = Done()


def handle(message_id, body):
    """Your own work goes here. Be quick, or queue it: the service waits 15 seconds for the answer."""
    event = json.loads(body)
    told = {"delivery": message_id, "task": event.get("requestId") or event["id"], "status": event["status"]}
    print(json.dumps(told), flush=True)


class Receiver(BaseHTTPRequestHandler):
    timeout = 15  # seconds of silence after which a connection is given up

    def do_POST(self):
        length = self.headers.get("content-length", "")
        if not re.fullmatch(r"[0-9]{1,9}", length):
            return self.answer(411)
        if int(length) > BODY_BYTES_MAX:
            return self.answer(413)
        body, now = self.rfile.read(int(length)), time.time()
        if len(body) < int(length) or not genuine(self.headers, body, now):
            return self.answer(401)
        message_id = self.headers["webhook-id"]
        try:
            DONE.once(message_id, now, lambda: handle(message_id, body))
        except Exception:
            traceback.print_exc()
            return self.answer(500)  # the service will try again
        return self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8000"))), Receiver)
    print(json.dumps({"listening": server.server_port}), flush=True)
    server.serve_forever()

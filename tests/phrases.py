"""What is said to people, as the source has it: phrases of templates and handlers, and the core's own sentences."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from pathlib import Path

from jinja2 import Environment, nodes

from seedbed import catalogue, checkup, errors, prices
from seedbed.console import _shown, _wishes
from seedbed.media.inputs import NAMES
from seedbed.media.refusals import REASONS

SOURCE = Path(__file__).parents[1] / "src" / "seedbed"
Key = tuple[str | None, str]

CORE = (
    "accounts addresses billing checkup idempotency identities intake library limits outbound payments"
    " renders signin tasks teams uploads webhooks worker media/inputs media/proof dialects/_upload"
    " dialects/_media"
)
"""Whose sentences people may come to read."""

UNSEEN = (
    "The body is not an event of Stripe",
    "The event is not a",
    "The Stripe-Signature header",
    "Unix sockets are never opened",
    "Too many refused API keys",
    *("7: 7", "7 can run", "7 models", "7 offers", "SEEDBED_", "install what", "mend the line", "none: operators"),
    *("see <data_dir>", "The TLS connection to 7 failed7"),
)
"""Of those, what only programs and the command line are told, or nobody."""

RAISED = {name for name, each in vars(errors).items() if isinstance(each, type)} | {
    *("NotPublic", "Unfit", "EngineError", "Blocked", "Unreachable", "TimedOut", "HostBusy", "TooLarge", "BadAnswer"),
    *("BadStatus", "__init__"),
}


def in_templates() -> set[Key]:
    """What templates say: `_(phrase)`, `_n(one, many, number)` and `_p(context, phrase)`."""
    found: set[Key] = set()
    for path in SOURCE.glob("**/templates/*.html"):
        for call in Environment().parse(path.read_text()).find_all(nodes.Call):
            name = call.node.name if isinstance(call.node, nodes.Name) else ""
            if name == "_p":
                context, phrase = call.args[:2]
                found |= {(context.as_const(), each) for each in _told_by(phrase)}
            elif name in ("_", "_n"):
                found |= {(None, each) for each in _told_by(call.args[0])}
    return found


def _told_by(node: nodes.Node) -> list[str]:
    if isinstance(node, nodes.CondExpr):
        return [*_told_by(node.expr1), *(_told_by(node.expr2) if node.expr2 else [])]
    return [node.value] if isinstance(node, nodes.Const) else []


def in_handlers() -> set[Key]:
    """What handlers and mails say: `say(phrase)`, `count(one, many, number)`, `within(context, phrase)`."""
    found: set[Key] = set()
    for path in (*SOURCE.glob("console/*.py"), SOURCE / "mail.py"):
        for call in calls(path):
            if named(call) in ("say", "count"):
                found |= {(None, each) for each in sentences(call.args[0])}
            elif named(call) == "within":
                [context], phrases = sentences(call.args[0]), sentences(call.args[1])
                found |= {(context, each) for each in phrases}
    return found


def looked_up() -> set[Key]:
    """What is said by way of a table, or of a file that operators may replace."""
    models = catalogue.load(None).model
    offers = prices.load(None).by_id.values()
    statuses = (400, 401, 402, 404, 405, 409, 413, 429, 500, 503)
    plain = {
        *_shown.STATES.values(), *_wishes.ROLES.values(), *errors.TASK_FAILURES.values(),
        *(HTTPStatus(status).phrase for status in statuses), "Content Too Large", "Request Entity Too Large",
        *(model.title for model in models),
        *(each.default for each in vars(errors).values() if isinstance(each, type) and hasattr(each, "default")),
    }  # fmt: skip
    checks = {"disk", "storage", "sign-in", "database", "ledger", "tasks", "workers"}
    return (
        {(None, phrase) for phrase in plain}
        | {("check", name) for name in checks}
        | {("offer", offer.title) for offer in offers}
        | {("request", name) for name in unsaid()}
        | {("note", note) for note in ("sign-up", "first start", "opening balance", "team")}
    )


def unsaid() -> set[str]:
    """What an API may have no word for."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((SOURCE / "console" / "_code.py").read_text())):
        tables = []
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "unsaid":
            tables = [node.value]
        elif isinstance(node, ast.Call) and named(node) == "_named":
            tables = list(node.args)
        for table in tables:
            if isinstance(table, ast.Dict):
                found |= {
                    key.value for key in table.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)
                }
    return found


@cache
def core_sentences() -> set[str]:
    """What the core may say of a request, a task, a delivery, a check; what is put into it stands as 7."""
    found = {f"The file {reason}" for reason in REASONS.values()} | {f"'medium 2' {each}" for each in REASONS.values()}
    found |= {*NAMES.values(), "medium 7", checkup.SOUND, checkup.STORAGE_REMEDY}
    found |= {"This request needs 7 credits and 7 are available", "ratio", "resolution", "length"}
    for path in (*(SOURCE / f"{name}.py" for name in CORE.split()), *SOURCE.glob("console/*.py")):
        for call in calls(path):
            if named(call) in RAISED:
                place = 1 if named(call) == "TaskFailure" else 0
                found |= {text for node in call.args[place : place + 1] for text in sentences(node)}
            elif named(call) == "Finding" and path.stem == "checkup":
                found |= {text for node in call.args[2:] for text in sentences(node)}
    for path in SOURCE.glob("engines/previz/**/*.py"):
        found |= {text for call in calls(path) if named(call) == "EngineError" for text in sentences(call.args[0])}
    return {text for text in found if " " in text and not text.startswith(UNSEEN)}


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))


def named(call: ast.Call) -> str:
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def sentences(node: ast.expr) -> list[str]:
    """The texts that an expression may be, as far as they stand there."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return ["".join(part.value if isinstance(part, ast.Constant) else "7" for part in node.values)]
    if isinstance(node, ast.IfExp):
        return sentences(node.body) + sentences(node.orelse)
    return []


@cache
def used() -> set[Key]:
    """Everything that is looked up as it stands."""
    return in_templates() | in_handlers() | looked_up()

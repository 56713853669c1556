"""From a text to what it says: senses in order, what it says there is none of, and the words not known.

Negation reaches from its word to the end of what it names: "no people or cars in a city" takes away the people
and the cars and leaves the city. Any string is taken; the same string gives the same meaning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from seedbed.engines.previz.script.lexicon import Lexicon, Match, Sense, load
from seedbed.engines.previz.script.tongue import Token, tokens, words_of

WORDS_MAX = 2000

_NOT = words_of(
    "no not never without dont doesnt isnt arent wont cant neither nor minus zero devoid avoid exclude excluding "
    "без нет не ни никаких bez nie brak zadnych hic"
)
_NOT_HAN = frozenset(("没有", "沒有", "没", "無", "无", "不", "不要", "別", "别", "不是", "避免"))
_BUT_NO = words_of("yok olmadan degil yagmiyor olmasin haric")
"""Turkish says it afterwards."""
_ENDS = words_of(
    "but with only instead in on at over under through by from near across along into around behind beside between "
    "above below against where while as yet just но а в на с над ale w na z ama fakat"
)
_ALSO = words_of("or nor and и или ni oraz lub ani i ve veya 和 或 与")
_ARTICLES = words_of("a an the some")
_SILENT = words_of(
    "a an the of in on at to and or with by from into through over under for as is are am its it this that these "
    "those up down out very some our their his her he she they them we you i my your him me us any other same such "
    "each every be s t of not no"
)
_REACH = 4
_LIST_REACH = 12


@dataclass(frozen=True, slots=True)
class _Said:
    """One thing in the text: an entry, a word, or punctuation."""

    word: str
    folded: str
    match: Match | None = None
    joined: bool = False
    stop: bool = False


@dataclass(slots=True)
class Meaning:
    """`said` maps a field to its values in the order in which they were said; `denied` holds what there is none
    of; `known` and `unknown` are words as they were written, each once."""

    said: dict[str, list[str]] = field(default_factory=dict)
    denied: set[Sense] = field(default_factory=set)
    known: dict[str, None] = field(default_factory=dict)
    unknown: dict[str, None] = field(default_factory=dict)

    def first(self, name: str) -> str | None:
        """The first value said for the field `name` that is not denied as well."""
        return next(iter(self.every(name)), None)

    def every(self, name: str) -> list[str]:
        """All values said for the field `name`, in order, each once, but for those denied."""
        return [value for value in self.said.get(name, ()) if (name, value) not in self.denied]


def understand(text: str) -> Meaning:
    """What `text` says, as far as the lexicon goes."""
    lexicon = load()
    said = tokens(text, WORDS_MAX)
    meaning = Meaning()
    things = list(_things(lexicon, said))
    for thing, denied in zip(things, _denied(things), strict=True):
        if thing.match is not None:
            _take(meaning, thing, denied)
        elif _counts(thing):
            meaning.unknown[thing.word] = None
    return meaning


def _counts(thing: _Said) -> bool:
    silent = _SILENT | _NOT | _BUT_NO | _NOT_HAN | _ENDS | _ALSO | {"free"}
    return not thing.stop and thing.folded not in silent and any(char.isalpha() for char in thing.word)


def _take(meaning: Meaning, thing: _Said, denied: bool) -> None:
    assert thing.match is not None
    meaning.known[thing.match.words] = None
    names_thing = any(name == "subject" for name, _ in thing.match.senses)
    for name, value in thing.match.senses:
        if denied and name == "time" and names_thing:
            # A night without a moon is a night.
            continue
        if name == "without":
            meaning.denied.add(("subject", value))
        elif denied:
            meaning.denied.add((name, value))
        elif name != "ignore" and value not in meaning.said.setdefault(name, []):
            meaning.said[name].append(value)


def _things(lexicon: Lexicon, said: list[Token]) -> Iterator[_Said]:
    languages = lexicon.languages(said)
    at = 0
    while at < len(said):
        token = said[at]
        at += 1
        if token.script == "break":
            yield _Said(token.shown, token.folded, stop=True)
        elif token.script == "han":
            yield from _han(lexicon, token.folded)
        else:
            match = lexicon.find(said, at - 1, ("ru",) if token.script == "cyrillic" else languages)
            if match is None or (token.folded in _NOT and match.length == 1):
                yield _Said(token.shown, token.folded, joined=token.joined)
                continue
            yield _Said(token.shown, token.folded, match, token.joined)
            for inner in match.inside:
                again = lexicon.find([inner], 0, languages)
                if again is not None:
                    yield _Said(inner.shown, inner.folded, again)
            at += match.length - 1


def _han(lexicon: Lexicon, text: str) -> Iterator[_Said]:
    """A run of Chinese, cut into entries; what lies between two entries is one word not known."""
    start = at = 0
    while at < len(text):
        word = lexicon.han_at(text, at, _NOT_HAN | _ALSO)
        if word is None:
            at += 1
            continue
        if at > start:
            yield _Said(text[start:at], text[start:at])
        senses = lexicon.han.get(word)
        yield _Said(word, word, Match(senses, word, 1) if senses and word not in _NOT_HAN | _ALSO else None)
        at += len(word)
        start = at
    if at > start:
        yield _Said(text[start:at], text[start:at])


def _denied(things: list[_Said]) -> list[bool]:
    """For each thing, whether the text says that there is none of it."""
    denied = [thing.match is not None and thing.match.lacks for thing in things]
    active, hit, reach, begun = False, False, 0, 0
    for place, thing in enumerate(things):
        if thing.match is None and (thing.folded in _NOT or thing.folded in _NOT_HAN):
            active, hit, reach, begun = True, False, _REACH, place
        elif thing.match is None and (thing.folded in _BUT_NO or (thing.folded == "free" and thing.joined)):
            _deny_before(things, denied, place)
        elif active and _ends(things, place, hit, reach):
            active = False
            if not hit:
                _deny_weather_before(things, denied, begun)
        elif active and thing.match is not None and not _says_nothing(thing.match):
            denied[place] = hit = True
        elif active:
            reach -= 1
    return denied


def _ends(things: list[_Said], place: int, hit: bool, reach: int) -> bool:
    """Whether a negation that is under way ends before the thing at `place`."""
    thing = things[place]
    if thing.stop:
        return not (thing.folded in (",", "、") and hit and _list_goes_on(things, place))
    if thing.folded in _ALSO:
        article = place + 1 < len(things) and things[place + 1].folded in _ARTICLES
        return not hit or (article and thing.folded not in ("or", "nor"))
    if thing.match is not None and not _says_nothing(thing.match):
        return False
    if thing.folded in _ENDS:
        return hit or things[place - 1].folded not in _NOT
    return reach <= 0 or (hit and thing.folded != "of")


def _list_goes_on(things: list[_Said], place: int) -> bool:
    """Whether a comma stands in a list that ends in "or"."""
    for thing in things[place + 1 : place + _LIST_REACH]:
        if thing.stop and thing.folded not in (",", "、"):
            return False
        if thing.match is None and thing.folded in ("or", "nor", "или", "ni", "ani", "lub", "或"):
            return True
        if thing.match is None and thing.folded in _ENDS:
            return False
    return False


def _deny_weather_before(things: list[_Said], denied: list[bool], begun: int) -> None:
    """ "The snow does not fall": a negation at `begun` that named nothing is about the weather just before it."""
    for place in range(begun - 1, max(begun - 4, -1), -1):
        match = things[place].match
        if things[place].stop or (match is None and _counts(things[place])):
            return
        if match is not None and not _says_nothing(match):
            denied[place] = any(name == "weather" for name, _ in match.senses)
            return


def _deny_before(things: list[_Said], denied: list[bool], place: int) -> None:
    before = place - 1
    while before >= 0 and (things[before].match is not None or things[before].folded == "ve"):
        denied[before] = things[before].match is not None
        if before and things[before - 1].folded != "ve" and things[before].folded != "ve":
            break
        before -= 1


def _says_nothing(match: Match) -> bool:
    return all(name == "ignore" for name, _ in match.senses)

"""The words that the engine knows, from `lexicon.toml`, and how they are found in a prompt.

The longest entry that begins at a word wins; of entries as long, the one nearest to the word as it stands. Words
of Latin letters are read in the language that explains most of the prompt (English when none does better), then
in English. Loaded once, when the engine first reads; read only afterwards.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from seedbed.engines.previz.script.tongue import Token, english, fold, inflected, lacking, tokens, words_of

Sense = tuple[str, str]
"""A field of a shot and its value, like ("season", "winter")."""

QUALITIES = frozenset({"weather", "move", "sense", "tempo", "pace", "style", "mood", "light", "ignore"})
"""Fields whose English words take every ending; the words of all others name things and are only counted."""
_FILL = words_of(
    "slowly quickly gently smoothly gradually steadily softly rapidly dramatically to the a an very slightly "
    "towards toward its back then camera"
)
"""Words that may stand inside a camera's phrase: "pans slowly to the left"."""
_FILLED = frozenset({"move", "sense"})
_HAN_MAX = 9


@dataclass(slots=True)
class _Node:
    senses: list[Sense] = field(default_factory=list)
    after: dict[str, _Node] = field(default_factory=dict)
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """An entry that was found: what it means, the words it was said in, how many tokens these are, and the tokens
    inside it that are not part of the entry. `lacks`: the word says that there is none."""

    senses: tuple[Sense, ...]
    words: str
    length: int
    inside: tuple[Token, ...] = ()
    lacks: bool = False


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Tries by language, and the Chinese entries by their text."""

    tries: dict[str, _Node]
    han: dict[str, tuple[Sense, ...]]

    def find(self, said: list[Token], at: int, languages: tuple[str, ...]) -> Match | None:
        """The entry that begins at `said[at]`, a word that is not Chinese, in the first language that has one."""
        for language in languages:
            found = self._longest(said, at, language)
            if found:
                return found
        return None

    def _longest(self, said: list[Token], at: int, language: str) -> Match | None:
        best: tuple[int, int] | None = None
        senses: list[Sense] = []
        inside: tuple[Token, ...] = ()
        # A path is a node, the next token, how far it strayed, how many words it took, and what it stepped over.
        paths: list[tuple[_Node, int, int, int, tuple[Token, ...]]] = [(self.tries[language], at, 0, 0, ())]
        while paths:
            node, place, strayed, taken, over = paths.pop()
            if node.senses:
                rank = (taken, -strayed)
                if best is None or rank > best:
                    best, senses, inside = rank, [], over
                    end = place
                if rank == best and over == inside:
                    senses += node.senses
            if place >= len(said) or said[place].script == "break":
                continue
            for form, cost in _forms(said[place].folded, language).items():
                if form in node.after:
                    paths.append((node.after[form], place + 1, strayed + cost, taken + 1, over))
            if node.filled and said[place].folded in _FILL and len(over) < 3:
                paths.append((node, place + 1, strayed + 1, taken, (*over, said[place])))
        if best is None:
            return self._lacking(said[at], language)
        words = " ".join(token.shown for token in said[at:end] if token not in inside)
        return Match(tuple(dict.fromkeys(senses)), words, end - at, inside)

    def _lacking(self, token: Token, language: str) -> Match | None:
        bare = lacking(token.folded, language)
        if not bare:
            return None
        node = next((n for form in _forms(bare, language) if (n := self.tries[language].after.get(form))), None)
        if node is None or not node.senses:
            return None
        return Match(tuple(node.senses), token.shown, 1, lacks=True)

    def han_at(self, text: str, at: int, more: frozenset[str] = frozenset()) -> str | None:
        """The longest Chinese entry, or word of `more`, that begins at `text[at]`."""
        for length in range(min(_HAN_MAX, len(text) - at), 0, -1):
            if text[at : at + length] in self.han or text[at : at + length] in more:
                return text[at : at + length]
        return None

    def languages(self, said: list[Token]) -> tuple[str, ...]:
        """The languages in which to look up words of Latin letters, best first."""
        latin = [token for token in said if token.script == "latin"]
        scores = dict.fromkeys(("en", "tr", "pl"), 0.0)
        for token in latin:
            for language in scores:
                first = self.tries[language].after
                if any(form in first for form in _forms(token.folded, language)):
                    scores[language] += 1.0
                elif language == "tr" and lacking(token.folded, language):
                    scores[language] += 0.5
            for language, letters in (("tr", "şğıçöü"), ("pl", "łąęśżźćńó")):
                scores[language] += 0.6 * any(letter in token.shown for letter in letters)
        best = max(scores, key=lambda language: (scores[language], language == "en"))
        return ("en",) if best == "en" else (best, "en")


@cache
def _forms(folded: str, language: str) -> dict[str, int]:
    return english(folded) if language == "en" else inflected(folded, language)


@cache
def load() -> Lexicon:
    """The lexicon. Raises ValueError when its file holds an entry that cannot be found by anybody."""
    table = tomllib.loads(Path(__file__).with_name("lexicon.toml").read_text("utf-8"))
    tries = {language: _Node() for language in table}
    han: dict[str, tuple[Sense, ...]] = {}
    for language, fields in table.items():
        for name, values in fields.items():
            for value, listed in values.items():
                for entry in listed.replace("\n", " ").split(","):
                    if language == "zh":
                        word = fold(entry.strip())
                        han[word] = (*han.get(word, ()), (name, value))
                    else:
                        _add(tries[language], entry.strip(), language, (name, value))
    return Lexicon(tries, han)


def _add(root: _Node, entry: str, language: str, sense: Sense) -> None:
    exact = entry.startswith("=")
    words = [token.folded for token in tokens(entry.replace("*", "").lstrip("="), 9)]
    if not words:
        raise ValueError(f"an entry for {sense} says nothing: {entry!r}")
    if language == "en":
        mark = "=" if exact else "" if sense[0] in QUALITIES else "+"
        edges = [mark + word for word in words]
    else:
        edges = [*words[:-1], words[-1] + ("*" if entry.endswith("*") else "")]
    node = root
    for number, edge in enumerate(edges):
        node = node.after.setdefault(edge, _Node())
        node.filled = node.filled or (sense[0] in _FILLED and number < len(edges) - 1)
    node.senses.append(sense)

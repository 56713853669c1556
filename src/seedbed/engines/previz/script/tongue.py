"""Words of five languages, brought to the forms in which a lexicon lists them.

Folding makes `Ağaç`, `AĞAÇ` and full-width letters one; a form is a guess at what a word may be listed as. Forms
are marked: "=" for the word as it stands, "+" for a thing that may be counted, none for what takes every ending,
"*" for a stem. Nothing here knows what any word means.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import product

_ODD = str.maketrans({"ı": "i", "ł": "l", "ø": "o", "đ": "d", "æ": "e", "’": "'", "`": "'"})
_BREAKS = frozenset(',.;:!?()[]{}"\n|/、，。；：！？（）【】「」…—–')
_WORD_MAX = 40


def words_of(listed: str) -> frozenset[str]:
    """The words of a list that is written with spaces."""
    return frozenset(listed.split())


@dataclass(frozen=True, slots=True)
class Token:
    """`shown` is the word as people wrote it, `folded` as it is looked up. `script` is "latin", "cyrillic",
    "han", "other", or "break" for punctuation; `joined` says that a hyphen ties it to the word before."""

    shown: str
    folded: str
    script: str
    joined: bool = False


def fold(text: str) -> str:
    """`text` without case, width, accents and apostrophes; Turkish dotted and dotless i become i."""
    bare = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return "".join(c for c in bare if unicodedata.category(c) != "Mn").translate(_ODD).replace("'", "")


def tokens(text: str, most: int) -> list[Token]:
    """At most `most` words of `text` and the punctuation between them; a run of Chinese is one token."""
    found: list[Token] = []
    word: list[str] = []
    joined = False

    def close() -> None:
        nonlocal joined
        if word:
            found.append(_token("".join(word), joined))
            joined = False
        word.clear()

    for char in unicodedata.normalize("NFKC", text):
        kind = _kind(char)
        if kind == "mark" and word:
            word.append(char)
        elif kind in ("letter", "han"):
            if word and (kind == "han") != (_kind(word[0]) == "han"):
                close()
            word.append(char)
        elif kind == "apostrophe" and word:
            word.append("'")
        else:
            tied = char == "-" and bool(word)
            close()
            joined = tied
            if char in _BREAKS:
                found.append(Token(char, char, "break"))
        if len(found) >= most:
            break
    close()
    return found[:most]


def _kind(char: str) -> str:
    if char in "'’`":
        return "apostrophe"
    if "\u2e80" <= char <= "\u9fff" and char not in _BREAKS and unicodedata.category(char) in ("Lo", "Lm"):
        return "han"
    category = unicodedata.category(char)
    if category[0] == "L" or char == "&" or category == "Nd":
        return "letter"
    return "mark" if category[0] == "M" else "gap"


def _token(word: str, joined: bool) -> Token:
    shown = "".join(c for c in word.casefold() if not "\u0300" <= c <= "\u036f").strip("'")
    folded = fold(word)
    if len(shown) > _WORD_MAX:
        shown = shown[: _WORD_MAX - 1] + "…"
    return Token(shown, folded, _script(folded), joined)


def _script(folded: str) -> str:
    first = folded[:1]
    if "\u2e80" <= first <= "\u9fff":
        return "han"
    if "\u0400" <= first <= "\u04ff":
        return "cyrillic"
    return "latin" if first.isascii() or "LATIN" in unicodedata.name(first, "") else "other"


# English


def english(word: str) -> dict[str, int]:
    """Every form under which the folded `word` may be listed, and how far it lies from the word itself."""
    counted = {word: 0} | dict.fromkeys(_singular(word), 1)
    every = counted | {base: 1 for base in _bases(word) if base not in counted}
    return {f"={word}": 0} | {f"+{base}": cost for base, cost in counted.items()} | every


def _singular(word: str) -> list[str]:
    found: list[str] = []
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        found.append(word[:-1])
        if word.endswith("ies"):
            found.append(word[:-3] + "y")
        if word.endswith("es"):
            found.append(word[:-2])
        if word.endswith("ves"):
            found += [word[:-3] + "f", word[:-3] + "fe"]
    return found


_ENDINGS = (("ally", ""), ("ily", "y"), ("ly", ""), ("ier", "y"), ("iest", "y"), ("ied", "y"), ("ying", "y"),
            ("ing", ""), ("ing", "e"), ("ed", ""), ("ed", "e"), ("est", ""), ("est", "e"), ("er", ""), ("er", "e"),
            ("ly", "le"))  # fmt: skip


def _bases(word: str) -> list[str]:
    found: list[str] = []
    for ending, more in _ENDINGS:
        stem = word[: -len(ending)]
        if not word.endswith(ending) or len(stem) < 3:
            continue
        found.append(stem + more)
        if not more and stem[-1] == stem[-2]:
            found.append(stem[:-1])
    return found


# Languages that inflect by endings

_RUSSIAN = """а я о е ё и ы у ю й ь ой ей ий ый ая яя ое ее ые ие ого его ому ему ым им ом ем ём ую юю ых их ыми ими
ами ями ам ям ах ях ов ев ью ья ьи ьям ьев ия ии ию ием иями иях ен на но ны"""
_POLISH = """a ą e ę i y o u ó em om am ami ach ów owi owie ie iem iam iami iach ii ią ię ej iej ego iego emu
iemu ym im ych ich ymi imi ą"""
_TURKISH_PLURAL = ("", "lar", "ler", "li", "lik")
_TURKISH_OWN = ("", "i", "si", "in", "u", "su", "un", "imiz")
_TURKISH_CASE = """da de ta te nda nde dan den tan ten ndan nden a e ya ye na ne yi ni nin nun in un yu nu la le yla
yle i u daki deki taki teki ndaki ndeki"""


def _folded(endings: str) -> frozenset[str]:
    return frozenset(fold(ending) for ending in endings.split()) | {""}


_STEM_ENDINGS = {
    "ru": _folded(_RUSSIAN),
    "pl": _folded(_POLISH),
    "tr": frozenset("".join(part) for part in product(_TURKISH_PLURAL, _TURKISH_OWN, _folded(_TURKISH_CASE))),
}
_LACKING = re.compile(r"(.{2,}?)s[iu]z(?:lik)?$")


def inflected(word: str, language: str) -> dict[str, int]:
    """As `english`, for "ru", "pl" or "tr": the word itself, and each stem that leaves an ending of the language."""
    endings = _STEM_ENDINGS[language]
    stems = {f"{word[:cut]}*": 1 for cut in range(2, len(word) + 1) if word[cut:] in endings}
    return {word: 0} | stems


def lacking(word: str, language: str) -> str | None:
    """What a Turkish word says that there is none of (`bulutsuz` → `bulut`), if it does."""
    found = _LACKING.match(word) if language == "tr" else None
    return found.group(1) if found else None

"""What all pages for people share: templates, static files, languages, and the headers that keep strangers out.

Owns no table and knows neither the console nor the documentation, which are made with it.
"""

from __future__ import annotations

from seedbed.web.languages import DEFAULT, LANGUAGES, language_of
from seedbed.web.pages import Pages, redirect
from seedbed.web.static import Static
from seedbed.web.words import Words, words

__all__ = ["DEFAULT", "LANGUAGES", "Pages", "Static", "Words", "language_of", "redirect", "words"]

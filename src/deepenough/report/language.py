"""In which language a report speaks, and its sentences in languages other than English.

A sentence stands in English where it is said, with names in braces, and in `chinese.json` under that very English:
once in each language, so that neither can be changed without the other (tests/report/test_language.py). Three kinds:

sentences: fixed ones, by `say`, with what stands in braces filled in by text that is rounded already;
terms: words out of the records (units, metrics, splits), by `term`; a word that is not listed stays as it is;
recorded: sentences that a study wrote into its records in English, by `recorded`, recognised by their form.

The language is a context variable: whoever writes a page sets it once, and no function of this package takes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from deepenough.errors import InputError

#: Languages by what `--lang` calls them, each with the tag that the page carries.
LANGUAGES = {"en": "en", "zh": "zh-Hans"}
_FILES = {"zh": Path(__file__).parent / "chinese.json"}
_ENGLISH = "en"
_PLACE = re.compile(r"\{(\w+)\}")
#: What these places of a recorded sentence hold is a term; what others hold is a name or a number.
_TERMS = {"metric", "metric_before", "method", "other_what", "split", "unit", "unit_of_it", "way", "way_before", "what"}
_speaks: ContextVar[str] = ContextVar("language", default=_ENGLISH)


def require_known(language: str) -> None:
    """Refuse a language that there is not.

    Raises:
        InputError: there is no such language.
    """
    if language not in LANGUAGES:
        raise InputError("--lang", f"one of {', '.join(LANGUAGES)}", language or "an empty name", "leave it out for en")


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Everything that is said within is said in this language.

    Raises:
        InputError: there is no such language.
    """
    require_known(language)
    token = _speaks.set(language)
    try:
        yield
    finally:
        _speaks.reset(token)


def tag() -> str:
    """Of the language that is spoken, as HTML has it."""
    return LANGUAGES[_speaks.get()]


def say(sentence: str, /, **values: object) -> str:
    """A sentence in the language that is spoken, with what stands in braces filled in.

    >>> say("{small} is enough", small="ResNet-50")
    'ResNet-50 is enough'
    >>> with speaking("zh"):
    ...     say("{small} is enough", small="ResNet-50")
    'ResNet-50 已足够'
    """
    return _translated("sentences", sentence).format_map(values)  # places without a form: what rounds is in tables


def later(sentence: str) -> str:
    """The sentence as it is: marks one that `say` is given later, from a constant."""
    return sentence


def term(word: str) -> str:
    """A word out of the records in the language that is spoken; as it is where that is not known.

    >>> with speaking("zh"):
    ...     term("points"), term("dB")
    ('百分点', 'dB')
    """
    return _known("terms").get(word, word)


def recorded(text: str) -> str:
    """A sentence that a study recorded in English, in the language that is spoken; as it is where its form is unknown.

    >>> with speaking("zh"):
    ...     recorded("The scale of 64 px was chosen after the results were known.")
    '64 px 的尺度是在已知结果之后选定的。'
    """
    for form, sentence in _forms(_speaks.get()):
        found = form.fullmatch(text)
        if found is not None:
            given = found.groupdict()
            return sentence.format_map({name: term(text) if name in _TERMS else text for name, text in given.items()})
    return term(text)


def catalogue(language: str) -> Mapping[str, Mapping[str, str]]:
    """All that is known in a language, by kind and English; empty for English itself."""
    return _read(language)


def _translated(kind: str, text: str) -> str:
    return text if _speaks.get() == _ENGLISH else _known(kind)[text]


def _known(kind: str) -> Mapping[str, str]:
    return _read(_speaks.get()).get(kind, {})


@cache
def _read(language: str) -> Mapping[str, Any]:
    return json.loads(_FILES[language].read_text(encoding="utf-8")) if language in _FILES else {}


@cache
def _forms(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((_form(english), other) for english, other in _read(language).get("recorded", {}).items())


def _form(english: str) -> re.Pattern[str]:
    parts = _PLACE.split(english)
    return re.compile(
        "".join(f"(?P<{part}>.*?)" if place % 2 else re.escape(part) for place, part in enumerate(parts)), re.DOTALL
    )

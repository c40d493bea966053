# SPDX-License-Identifier: GPL-2.0-only
"""Reads documents, and refuses what is none.

A file holds one document, several (one a line, or a JSON array of them), or what --json-stream
printed. Each document names its form in `schema`. Only what the reports use is
looked at: members that are new do no harm.
"""

from __future__ import annotations

import json
import math
import sys
import unicodedata
from pathlib import Path
from typing import NoReturn

MEASUREMENT = "ncdevmem-measurement-2"
BIDIRECTIONAL = "ncdevmem-bidirectional-1"
HEADLINE = "ncdevmem-headline-2"
BENCH = "ncdevmem-bench-1"
# A measurement's document is limited to some 20 MB; that of `make headline` holds a hundred.
MOST_BYTES = 256 << 20


class Unusable(Exception):
    """A file that there can be no report of, and why."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(visible(f"{name}: {reason}"))


def visible(words: str) -> str:
    """Words without what would act on a terminal or a page instead of showing: control characters,
    changes of direction, halves of surrogates."""
    if words.isascii() and words.isprintable():
        return words
    return "".join(
        "\ufffd" if unicodedata.category(letter).startswith("C") else letter for letter in words)


def cleaned(value: object) -> object:
    """A value of JSON whose strings are all visible."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, list):
        return [cleaned(item) for item in value]
    if isinstance(value, dict):
        return {visible(name): cleaned(item) for name, item in value.items()}
    return value


class Members:
    """The members of an object of a document: each access checks what it gives."""

    def __init__(self, value: object, file: str, path: str = "") -> None:
        self.file, self.path = file, path
        if not isinstance(value, dict):
            self._refuse(path or "the document", f"is {kind(value)}, not an object")
        self.members: dict = value

    def _refuse(self, what: str, why: str) -> NoReturn:
        raise Unusable(self.file, f"{what} {why}")

    def where(self, name: str) -> str:
        """The path of a member."""
        return f"{self.path}.{name}" if self.path else name

    def _get(self, name: str) -> object:
        if name not in self.members:
            self._refuse(self.path or "the document", f"lacks {name}")
        return self.members[name]

    def number(self, name: str) -> float:
        """A number that is 0 or more."""
        value = self._get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self._refuse(self.where(name), f"is {kind(value)}, not a number")
        try:
            real = float(value)
        except OverflowError:
            real = math.inf
        if not 0 <= real < math.inf:
            self._refuse(self.where(name), f"is {str(value)[:24]}, which no measurement gives")
        return real

    def number_or_none(self, name: str) -> float | None:
        """The same, of a member that may be null or absent."""
        return None if self.members.get(name) is None else self.number(name)

    def text(self, name: str) -> str:
        """A string."""
        value = self._get(name)
        if not isinstance(value, str):
            self._refuse(self.where(name), f"is {kind(value)}, not a string")
        return value

    def text_or_none(self, name: str) -> str | None:
        """The same, of a member that may be null or absent."""
        return None if self.members.get(name) is None else self.text(name)

    def flag(self, name: str) -> bool:
        """True or false; false if absent or null."""
        value = self.members.get(name)
        if value is not None and not isinstance(value, bool):
            self._refuse(self.where(name), f"is {kind(value)}, neither true nor false")
        return bool(value)

    def array(self, name: str) -> list:
        """An array."""
        value = self._get(name)
        if not isinstance(value, list):
            self._refuse(self.where(name), f"is {kind(value)}, not an array")
        return value

    def numbers(self, name: str) -> list[float]:
        """An array of numbers, with at least one."""
        items = {f"{name}[{index}]": item for index, item in enumerate(self.array(name))}
        if not items:
            self._refuse(self.where(name), "is empty")
        each = Members(items, self.file, self.path)
        return [each.number(item) for item in items]

    def object(self, name: str) -> Members:
        """An object."""
        return Members(self._get(name), self.file, self.where(name))

    def object_or_none(self, name: str) -> Members | None:
        """The same, of a member that may be null or absent."""
        return None if self.members.get(name) is None else self.object(name)

    def objects(self, name: str) -> list[Members]:
        """An array of objects."""
        return [
            Members(item, self.file, f"{self.where(name)}[{index}]")
            for index, item in enumerate(self.array(name))]


def kind(value: object) -> str:
    """What a value is in JSON's words."""
    if value is None:
        return "null"
    words = {bool: "true or false", int: "a number", float: "a number", str: "a string",
             list: "an array", dict: "an object"}
    return words[type(value)]


def read(name: str) -> list[Members]:
    """The documents of a file; `-` is the standard input."""
    try:
        if name == "-":
            content = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Unusable(name, error.strerror or str(error)) from error
    if len(content) > MOST_BYTES:
        raise Unusable(name, f"is larger than {MOST_BYTES >> 20} MiB")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unusable(name, f"is no text in UTF-8: {error.reason} at {error.start}") from error
    if not text.strip():
        raise Unusable(name, "is empty")
    values = [part for value in _gathered(_parsed(name, text)) for part in _directions(value)]
    label = visible(name)
    if not values:
        raise Unusable(name, "has no document: the run has not ended" if '"event"' in text
                       else "is an array without documents")
    if len(values) == 1:
        return [_known(Members(values[0], label))]
    return [_known(Members(value, f"{label}, document {index}"))
            for index, value in enumerate(values, 1)]


def _parsed(name: str, text: str) -> list:
    """The values of a text: of the whole of it, or of each of its lines."""
    try:
        value = _value(text)
        values = value if isinstance(value, list) else [value]
    except ValueError as whole:
        lines = [line for line in text.splitlines() if line.strip()]
        try:
            values = [_value(line) for line in lines] if len(lines) > 1 else []
        except ValueError:
            values = []
        if not values:
            raise Unusable(name, f"is no JSON: {whole}") from whole
    return values


def _gathered(values: list) -> list:
    """The values, with the events of each run in the place of its last one: its document, which has
    the intervals that came before it."""
    documents, intervals = [], []
    for value in values:
        event = value.get("event") if isinstance(value, dict) else None
        if event is None:
            documents.append(value)
        elif event == "start":
            intervals = []
        elif event == "interval":
            intervals.append(value.get("data"))
        elif event == "end":
            end = value.get("data")
            if isinstance(end, dict) and intervals:
                end = {"intervals": intervals, **end}
            documents.append(end)
            intervals = []
    return documents


def _directions(document: object) -> list:
    """What a document of both directions says of each, as a document of one; any other itself."""
    if not isinstance(document, dict) or document.get("schema") != BIDIRECTIONAL:
        return [document]
    whole = {name: value for name, value in document.items()
             if name not in ("receive", "send", "intervals")}
    streamed = document.get("intervals")
    parts = []
    for role in "receive", "send":
        part = document.get(role)
        # A run that failed early has measured neither.
        if not isinstance(part, dict):
            return [document]
        if isinstance(streamed, list):
            part = {"intervals": [interval for interval in streamed if isinstance(interval, dict)
                                  and interval.get("direction") == role], **part}
        parts.append(whole | {"schema": MEASUREMENT, "role": role} | part)
    return parts


def _value(text: str) -> object:
    """What a text of JSON says, without the numbers that JSON does not have."""
    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no number of JSON")

    try:
        return cleaned(json.loads(text, parse_constant=refuse))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _known(document: Members) -> Members:
    """A document of a form that there are reports of."""
    schema = document.members.get("schema")
    if not isinstance(schema, str) or not schema.startswith("ncdevmem-"):
        raise Unusable(
            document.file,
            "is not of ncdevmem: it has no schema of it (--flows N --json prints one)")
    if schema in (MEASUREMENT, HEADLINE, BENCH):
        return document
    for known in MEASUREMENT, BIDIRECTIONAL, HEADLINE, BENCH:
        if schema.rpartition("-")[0] == known.rpartition("-")[0]:
            raise Unusable(document.file, f"is of form {schema}; this program reads {known}")
    failure = document.members.get("failure")
    if isinstance(failure, dict) and isinstance(failure.get("text"), str):
        raise Unusable(document.file, f"is of a run that failed: {failure['text']}")
    raise Unusable(document.file, f"is of form {schema}, not of a measurement (--flows N --json)")

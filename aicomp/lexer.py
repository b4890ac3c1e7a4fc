"""Splits the textual IR into tokens, one at a time, so that a long or hostile text costs no more than what is read.

In: text. Out: `Tokens`, a stream with one token of lookahead; every error is a ParseError that names the line.

    tokens = Tokens("%0: f32[2] = abs(%x)")
    tokens.take("value")                   # "%0"
    tokens.expect(":")
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from .errors import ParseError

STRING = r'"(?:[^"\\\n]|\\.)*"'
TOKEN = re.compile(
    rf"(?P<value>%(?:{STRING}|[\w.]+))|(?P<string>{STRING})|(?P<digest>sha256:[0-9a-f]{{64}})"
    r"|(?P<number>-?\d[\d.]*(?:[eE][+-]?\d+)?|-(?:inf|nan)\b)|(?P<word>[A-Za-z_][\w.]*)"
    r"|(?P<mark>\.\.\.|[()\[\]{},=:])|(?P<comment>\#.*)"
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of text; `kind` is value, string, digest, number, word, mark, comment or end."""

    kind: str
    text: str
    line: int


class Tokens:
    """A stream of tokens. Comments are left out, but for the one that ends a statement's line."""

    def __init__(self, text: str) -> None:
        self._tokens = _scan(text)
        self._comment: Token | None = None
        self.last = Token("start", "", 1)
        self.next = self.last
        self._advance()

    def _advance(self) -> None:
        self.last = self.next
        self._comment = None
        self.next = next(self._tokens)
        while self.next.kind == "comment":
            if self.next.line == self.last.line:
                self._comment = self.next
            self.next = next(self._tokens)

    def peek(self, *texts: str) -> bool:
        """Return whether the next token is one of these marks or words."""
        return self.next.text in texts and self.next.kind in ("mark", "word")

    def take(self, *kinds: str) -> str:
        """Return the next token's text and go on. Raises ParseError where it is of another kind."""
        if self.next.kind not in kinds:
            self.fail(f"expected a {' or '.join(kinds)}, got {self.next.text or self.next.kind!r}")
        self._advance()
        return self.last.text

    def expect(self, text: str) -> None:
        """Go past a mark or a word. Raises ParseError where the next token is another."""
        if not self.accept(text):
            self.fail(f"expected {text!r}, got {self.next.text or self.next.kind!r}")

    def accept(self, text: str) -> bool:
        """Go past a mark or a word if it is next, and return whether it was."""
        found = self.peek(text)
        if found:
            self._advance()
        return found

    def comment(self) -> str:
        """Return the comment behind the last token on its line, without the mark; empty where there is none."""
        return self._comment.text[1:].strip() if self._comment else ""

    def fail(self, message: str) -> NoReturn:
        """Raise ParseError at the next token's line."""
        raise ParseError(f"line {self.next.line}: {message}")

    def string(self) -> str:
        """Return the text that a quoted token stands for."""
        return self.unquote(self.take("string"))

    def unquote(self, text: str) -> str:
        """Return the text that a JSON string stands for."""
        try:
            return str(json.loads(text))
        except ValueError:
            self.fail(f"{text} is not a JSON string")


def _scan(text: str) -> Iterator[Token]:
    number = 0
    for number, line in enumerate(text.split("\n"), 1):
        at = 0
        while at < len(line):
            match = TOKEN.match(line, at)
            if match:
                yield Token(match.lastgroup or "", match[0], number)
                at = match.end()
            elif line[at].isspace():
                at += 1
            else:
                raise ParseError(f"line {number}: unexpected {line[at]!r}")
    while True:
        yield Token("end", "", number)

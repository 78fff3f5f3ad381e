"""The part of Shopify's search syntax that the stand-in answers, turned into SQL.

Terms `field:value` with the comparisons :> :>= :< :<=, joined by spaces, AND, OR, with NOT or a leading minus and
parentheses; values may be quoted. A timestamp must be quoted: as on Shopify an unquoted one breaks at its colon, the
term then filters nothing and a warning says so in `extensions.search`.
Source: shopify.dev/docs/api/usage/search-syntax, read 2026-11.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sandbox.store.clock import normal

TOKEN = re.compile(
    r"""\s*(?:(?P<paren>[()])|(?P<word>AND|OR|NOT)\b|(?P<minus>-)?(?P<name>[a-z_]+):(?P<op>>=|<=|>|<|)\s*"""
    r"""(?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s()]+)|(?P<bare>[^\s()]+))"""
)

TIMES = {"created_at", "updated_at", "processed_at"}

# search field -> SQL column, per resource
PRODUCT_FIELDS = {
    "id": "id", "created_at": "created_at", "updated_at": "updated_at", "status": "status", "handle": "handle",
    "title": "title", "vendor": "vendor",
}  # fmt: skip
VARIANT_FIELDS = {"id": "id", "updated_at": "updated_at", "product_id": "product_id", "sku": "sku"}
ORDER_FIELDS = {
    "id": "id", "created_at": "created_at", "updated_at": "updated_at", "processed_at": "created_at", "name": "name",
    "email": "email", "financial_status": "financial_status", "tag": "tag",
}  # fmt: skip
IGNORED_AS_TRUE = {"published_status", "test", "source_identifier", "fulfillment_status"}


@dataclass
class Where:
    """An SQL condition with its parameters, and what the parser did not understand."""

    sql: str = "1"
    parameters: list[object] = field(default_factory=list)
    warnings: list[dict[str, str]] = field(default_factory=list)


def to_sql(query: str | None, columns: dict[str, str]) -> Where:
    """Compile a search text. What it does not understand matches everything and is listed in `warnings`."""
    if not query or not query.strip():
        return Where()
    tokens = [match.groupdict() for match in TOKEN.finditer(query) if match.group().strip()]
    parser = _Parser(tokens, columns)
    where = parser.either()
    where.warnings = parser.warnings
    return where


class _Parser:
    def __init__(self, tokens: list[dict[str, str | None]], columns: dict[str, str]) -> None:
        self.tokens = tokens
        self.columns = columns
        self.warnings: list[dict[str, str]] = []
        self.at = 0

    def _peek(self) -> dict[str, str | None] | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def either(self) -> Where:
        parts = [self.both()]
        while (token := self._peek()) and token["word"] == "OR":
            self.at += 1
            parts.append(self.both())
        return _joined(" OR ", parts)

    def both(self) -> Where:
        parts = []
        while (token := self._peek()) and token["word"] != "OR" and token["paren"] != ")":
            if token["word"] == "AND":
                self.at += 1
                continue
            parts.append(self.one())
        return _joined(" AND ", parts) if parts else Where()

    def one(self) -> Where:
        token = self._peek()
        assert token is not None
        self.at += 1
        if token["word"] == "NOT":
            inner = self.one() if self._peek() else Where()
            return Where(f"NOT ({inner.sql})", inner.parameters)
        if token["paren"] == "(":
            inner = self.either()
            self.at += 1  # the closing one
            return inner
        if token["bare"] or token["paren"]:
            self.warnings.append(
                {"field": "default", "message": f"Not understood here: {token['bare']}", "code": "invalid"}
            )
            return Where()
        where = self._term(str(token["name"]), token["op"] or "", str(token["value"]))
        return Where(f"NOT ({where.sql})", where.parameters) if token["minus"] else where

    def _term(self, name: str, op: str, value: str) -> Where:
        quoted = value[0] in "\"'"
        text = re.sub(r"\\(.)", r"\1", value[1:-1]) if quoted else value
        if name in IGNORED_AS_TRUE and name not in self.columns:
            self.warnings.append({"field": name, "message": "Not filtered by the sandbox.", "code": "ignored"})
            return Where()
        column = self.columns.get(name)
        if column is None:
            self.warnings.append(
                {"field": name, "message": "Invalid search field for this query.", "code": "invalid_field"}
            )
            return Where()
        if name in TIMES:
            if not quoted and ":" in text:
                self.warnings.append(
                    {"field": name, "message": f"Input `{text}` is not quoted.", "code": "parser_mismatch"}
                )
                return Where()
            try:
                return Where(f"{column} {op or '='} ?", [normal(text)])
            except ValueError:
                self.warnings.append({"field": name, "message": f"Input `{text}` is no time.", "code": "invalid_value"})
                return Where()
        if column in ("id", "product_id"):
            numbers = [part.rsplit("/", 1)[-1] for part in text.split(",")]
            if not all(number.isdigit() for number in numbers):
                self.warnings.append({"field": name, "message": f"Input `{text}` is no id.", "code": "invalid_value"})
                return Where()
            if op:
                return Where(f"{column} {op} ?", [int(numbers[0])])
            return Where(f"{column} IN ({','.join('?' * len(numbers))})", [int(number) for number in numbers])
        if name == "tag":  # a list within the document
            within = "EXISTS (SELECT 1 FROM json_each(CAST(doc AS TEXT), '$.tags') AS t WHERE lower(t.value) = ?)"
            return Where(within, [text.lower()])
        if text == "*":
            return Where(f"{column} IS NOT NULL")
        values = text.split(",") if name in ("status", "financial_status") else [text]
        return Where(f"lower({column}) IN ({','.join('?' * len(values))})", [v.strip().lower() for v in values])


def _joined(word: str, parts: list[Where]) -> Where:
    if len(parts) == 1:
        return parts[0]
    return Where("(" + word.join(f"({p.sql})" for p in parts) + ")", [value for p in parts for value in p.parameters])

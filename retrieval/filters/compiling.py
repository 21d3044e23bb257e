"""From a checked filter to one SQL condition over documents, none of whose parts was ever typed by anybody.

Every test is true or false and never NULL, so that ``NOT`` is the exact complement. A condition reads ``d`` (the
document), and ``c`` and ``s`` (its collection and source) where a field asks for them. Case is folded by Postgres' own
Unicode collation, so that it does not depend on how the database was made.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from retrieval.filters.fields import Kind
from retrieval.filters.grammar import All, Either, Filter, Not, Test
from retrieval.filters.values import FIRST_DAY, STORED_DATE, Period

SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
CURRENT = """
    SELECT d.current_version_id FROM ingestion_document d{joins}
     WHERE d.tenant_id = %(tenant)s AND d.collection_id = ANY (%(collections)s::uuid[])
       AND d.current_version_id IS NOT NULL AND d.deleted_at IS NULL AND {condition}"""
AS_OF = """
    SELECT v.id FROM ingestion_documentversion v
      JOIN ingestion_document d ON d.tenant_id = v.tenant_id AND d.id = v.document_id{joins}
     WHERE v.tenant_id = %(tenant)s AND d.collection_id = ANY (%(collections)s::uuid[])
       AND v.valid_from <= %(as_of)s AND (v.valid_to IS NULL OR v.valid_to > %(as_of)s) AND {condition}"""
ANY_STATE = """
    SELECT d.id FROM ingestion_document d{joins}
     WHERE d.tenant_id = %(tenant)s AND d.collection_id = ANY (%(collections)s::uuid[]) AND {condition}"""
COLLECTION = " JOIN ingestion_collection c ON c.tenant_id = d.tenant_id AND c.id = d.collection_id"
ELEMENT = "(e #>> '{}')"
SOURCE = " JOIN ingestion_source s ON s.tenant_id = d.tenant_id AND s.id = d.source_id"


@dataclass(frozen=True)
class Query:
    """A statement and its parameters, by name."""

    sql: str
    parameters: dict[str, Any]


def matching_versions(
    wanted: Filter, *, tenant_id: UUID, collection_ids: list[UUID], as_of: datetime | None = None
) -> Query:
    """Ids of the versions, current or as of a time, whose documents pass; to be run in scope, under the policies.

    Metadata is of a document and not of a version: with ``as_of`` it is today's. Cost: one pass over the documents of
    the collections (docs/benchmarks.md). Uses index: one that the tenant leads, on collections
    """
    if as_of is None:
        return _query(CURRENT, wanted, tenant_id, collection_ids)
    return _query(AS_OF, wanted, tenant_id, collection_ids, as_of=as_of)


def matching_documents(wanted: Filter, *, tenant_id: UUID, collection_ids: list[UUID]) -> Query:
    """Ids of the documents that pass, in whatever state: waiting, failed and deleted ones too. Otherwise as above."""
    return _query(ANY_STATE, wanted, tenant_id, collection_ids)


def _query(
    statement: str, wanted: Filter, tenant_id: UUID, collection_ids: list[UUID], **more: Any
) -> Query:
    condition = Condition()
    sql = condition.of(wanted)
    joins = (COLLECTION if "c.slug" in sql else "") + (SOURCE if "s.name" in sql else "")
    given = condition.parameters | {"tenant": tenant_id, "collections": collection_ids, **more}
    return Query(statement.format(joins=joins, condition=sql), given)


@dataclass
class Condition:
    """Writes the condition and gathers its parameters."""

    parameters: dict[str, Any] = field(default_factory=dict)

    def of(self, wanted: Filter) -> str:
        """The condition, in brackets; never NULL."""
        if isinstance(wanted, Not):
            return f"(NOT {self.of(wanted.part)})"
        if isinstance(wanted, All):
            return f"({' AND '.join(map(self.of, wanted.parts)) or 'true'})"
        if isinstance(wanted, Either):
            return f"({' OR '.join(map(self.of, wanted.parts)) or 'false'})"
        return f"COALESCE({self._test(wanted)}, false)"

    def _given(self, value: object, cast: str) -> str:
        name = f"f{len(self.parameters)}"
        self.parameters[name] = value
        return f"%({name})s::{cast}"

    def _test(self, test: Test) -> str:
        kind = test.field.kind
        if kind in (Kind.TEXT, Kind.TYPE):
            return self._text(test, test.field.column)
        if kind is Kind.NUMBER:
            return self._number(test, test.field.column)
        if kind is Kind.DATE:
            return self._date(test, test.field.column)
        stored = f"(d.metadata #> {self._given(list(test.field.path), 'text[]')})"
        if kind is Kind.JSON_DATE:
            return self._date(test, _as_date(stored, _padded(stored)))
        return self._json(test, stored)

    def _text(self, test: Test, column: str) -> str:
        if test.op == "exists":
            return f"{column} <> ''"
        if test.op == "in":
            return f"{column} = ANY ({self._given(list(test.values), 'text[]')})"
        if test.op in SIGNS:
            return f'{column} COLLATE "C" {SIGNS[test.op]} {self._given(test.values[0], "text")}'
        return self._holds(test, column)

    def _holds(self, test: Test, text: str) -> str:
        function = "strpos({}, {}) > 0" if test.op == "contains" else "starts_with({}, {})"
        return function.format(_folded(text), _folded(self._given(test.values[0], "text")))

    def _number(self, test: Test, column: str) -> str:
        if test.op == "exists":
            return f"{column} IS NOT NULL"
        if test.op == "in":
            return f"{column} = ANY ({self._given([str(value) for value in test.values], 'numeric[]')})"
        return f"{column} {SIGNS[test.op]} {self._given(str(test.values[0]), 'numeric')}"

    def _date(self, test: Test, column: str) -> str:
        if test.op == "exists":
            return f"{column} IS NOT NULL"
        spans = [value for value in test.values if isinstance(value, Period)]
        found = [self._during(column, test.op, span) for span in spans]
        return f"({' OR '.join(found) or 'false'})"

    def _during(self, column: str, op: str, span: Period) -> str:
        start = self._given(span.start, "timestamptz")
        end = start if span.end is None else self._given(span.end, "timestamptz")
        before_end = "<=" if span.end is None else "<"
        if op == "in":
            return f"({column} >= {start} AND {column} {before_end} {end})"
        after_end = ">" if span.end is None else ">="
        return {
            "gt": f"{column} {after_end} {end}",
            "gte": f"{column} >= {start}",
            "lt": f"{column} < {start}",
            "lte": f"{column} {before_end} {end}",
        }[op]

    def _json(self, test: Test, stored: str) -> str:
        if test.op == "exists":
            return f"jsonb_typeof({stored}) <> 'null'"
        if test.op == "in":
            values = [json.dumps(value) for value in test.values]
            return f"{stored} @> ANY ({self._given(values, 'jsonb[]')})"
        if test.op in SIGNS:
            return self._json_order(test, stored)
        return self._json_holds(test, stored)

    def _json_order(self, test: Test, stored: str) -> str:
        value = test.values[0]
        if isinstance(value, Period):
            return self._during(_as_date(stored, _text_of(stored)), test.op, value)
        if isinstance(value, str):
            text = f"CASE jsonb_typeof({stored}) WHEN 'string' THEN {stored} #>> '{{}}' END"
            return f'({text}) COLLATE "C" {SIGNS[test.op]} {self._given(value, "text")}'
        number = f"CASE jsonb_typeof({stored}) WHEN 'number' THEN ({stored})::numeric END"
        return f"({number}) {SIGNS[test.op]} {self._given(str(value), 'numeric')}"

    def _json_holds(self, test: Test, stored: str) -> str:
        """Inside a text or, in a list, inside one of its texts; labels of a list are asked for whole."""
        if test.field.kind is Kind.JSON_LIST and test.op == "contains":
            return self._label(test, stored)
        inside = self._inside(test, stored)
        if test.field.kind is Kind.JSON and test.op == "contains":
            # "draft" is in the text "drafting rules", and not in the list ["drafting rules"].
            text = f"jsonb_typeof({stored}) = 'string' AND {inside}"
            return f"({self._label(test, stored)} OR {text})"
        return inside

    def _label(self, test: Test, stored: str) -> str:
        # Folding the JSON as text keeps it JSON, and is several times as fast as taking the list apart.
        value = self._given(test.values[0], "text")
        return f"{_folded(f'{stored}::text')}::jsonb @> to_jsonb({_folded(value)})"

    def _inside(self, test: Test, stored: str) -> str:
        # The first half lets most rows go without taking them apart. In its lax mode a path wraps what is no list.
        escaped = self._given(json.dumps(test.values[0], ensure_ascii=False)[1:-1], "text")
        somewhere = f"strpos({_folded(f'{stored}::text')}, {_folded(escaped)}) > 0"
        each = f"jsonb_path_query({stored}, '$[*]') AS e WHERE jsonb_typeof(e) = 'string'"
        return f"({somewhere} AND EXISTS (SELECT FROM {each} AND {self._holds(test, ELEMENT)}))"


def _text_of(stored: str) -> str:
    return f"({stored} #>> '{{}}')"


def _padded(stored: str) -> str:
    """The stored text, a year or a month as its first day: the whole of it would be two ends to compare with."""
    text = _text_of(stored)
    return f"rpad({text}, greatest(length({text}), 10), '{FIRST_DAY}')"


def _as_date(stored: str, text: str) -> str:
    """The moment that a stored text means; NULL when it is none. Without a zone it is read in the session's: UTC."""
    pattern = STORED_DATE.replace("%", "%%")
    return (
        f"(CASE WHEN jsonb_typeof({stored}) = 'string' AND {text} ~ '{pattern}'"
        f" AND pg_input_is_valid({text}, 'timestamptz') THEN {text}::timestamptz END)"
    )


def _folded(text: str) -> str:
    return f"lower({text} COLLATE pg_unicode_fast)"

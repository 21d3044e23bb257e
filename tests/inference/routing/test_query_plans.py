"""The ledger's queries on the way to an answer read the rows that they are about, and not the table."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection, connections

from inference.errors import NOT_ASKED
from inference.routing import comparison, health
from tests.cast import Member

# The tenant's own: so many lately, so many before; and another tenant's.
LATELY, BEFORE, FOREIGN = 200, 4_000, 20_000
FILL = """
INSERT INTO inference_modelcall (id, tenant_id, created_at, operation, feature, provider, model, outcome, route,
       trace_id, span_id, attempts, error_code, finish_reason, input_tokens, cached_tokens, output_tokens, cost_usd,
       latency_ms, degraded, collections, candidate_reason, cache, saved_usd, guards, charged, excess_usd)
SELECT uuidv7(), %s, now() - %s::interval - i * interval '1 second', 'chat', 'chat', 'fake', 'fake-model', 'ok', 'chat',
       '', '', 1, '', 'stop', 10, 0, 10, 0.001, 100, '', '{}', '', '', 0, '{}', '{}', 0
  FROM generate_series(1, %s) AS i
"""


def calls(member: Member, rows: int, *, ago: str) -> None:
    with member.scope(), connection.cursor() as cursor:
        cursor.execute(FILL, [member.tenant.pk, ago, rows])


def rows_read(member: Member, query: str, parameters: object) -> float:
    """How many rows of the ledger the query reads, those included that it reads in vain."""
    with member.scope(), connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + query, parameters)
        found = cursor.fetchone()[0]
    plan = found if isinstance(found, list) else json.loads(found)
    return sum(
        node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
        for node in _nodes(plan[0]["Plan"])
        if str(node.get("Relation Name")).startswith("inference_modelcall")
    )


def _nodes(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(inner for child in node.get("Plans", []) for inner in _nodes(child))]


@pytest.mark.parametrize("name", ["health", "comparison"])
def test_only_a_tenants_calls_of_the_time_in_question_are_read(
    name: str, alice: Member, charlie: Member
) -> None:
    calls(charlie, FOREIGN, ago="0")
    calls(alice, LATELY, ago="0")
    calls(alice, BEFORE, ago="3 days")
    # What the planner knows is then the same on every machine and whatever ran before.
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE inference_modelcall")
    tenant, refused = alice.tenant.pk, list(NOT_ASKED)
    query, parameters = {
        "health": (health._QUERY, [tenant, health.WINDOW_MINUTES, refused, health.MOST_CALLS]),
        "comparison": (
            comparison._QUERY,
            {"tenant": tenant, "route": "chat", "days": 1, "not_asked": refused},
        ),
    }[name]
    # By modelcall_newest it is these alone; by any other index or none, those of before, too.
    assert rows_read(alice, query, parameters) == LATELY

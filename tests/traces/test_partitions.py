"""Partitions are made ahead, by the operator, and rows land in them."""

from io import StringIO

from django.core.management import call_command
from django.db import connections

from tests.cast import Member
from tests.traces.conftest import record
from traces import partitions, tasks

PARTS = "SELECT relname FROM pg_class WHERE relname LIKE %s AND relispartition ORDER BY relname"


def parts(table: str) -> list[str]:
    with connections["operator"].cursor() as cursor:
        cursor.execute(PARTS, [rf"{table}\_2%"])
        return [name for (name,) in cursor.fetchall()]


def test_every_dated_table_has_its_partitions_made(database: None) -> None:
    assert partitions.prepare() == [
        "footnote_prepare_ledger_partitions",
        "footnote_prepare_span_partitions",
    ]
    assert len(parts("traces_span")) >= 15
    assert len(parts("inference_modelcall")) >= 4


def test_it_can_be_repeated_by_command_and_by_task(database: None) -> None:
    before = parts("traces_span")
    call_command("prepare_partitions", stdout=(said := StringIO()))
    tasks.prepare_partitions()
    assert parts("traces_span") == before
    assert "footnote_prepare_span_partitions()" in said.getvalue()


def test_todays_spans_are_in_todays_partition(alice: Member) -> None:
    trace_id = record(alice.principal, "Anything")
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT to_char(now(), 'YYYYMMDD')")
        today = cursor.fetchone()[0]
    with alice.scope(), connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT tableoid::regclass::text FROM traces_span WHERE trace_id = %s",
            [trace_id],
        )
        assert cursor.fetchall() == [(f"traces_span_{today}",)]


def test_the_runtime_role_may_not_make_them(alice: Member) -> None:
    with connections["operator"].cursor() as cursor:
        cursor.execute(
            "SELECT has_function_privilege('footnote_app', 'footnote_prepare_span_partitions()', 'execute')"
        )
        assert cursor.fetchone() == (False,)

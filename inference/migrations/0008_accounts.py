"""The functions that move money (accounts.sql), and who may call them: the runtime role reads, they write."""

from pathlib import Path

from django.db import migrations

FUNCTIONS = Path(__file__).with_name("accounts.sql").read_text()
INNER = (
    "footnote_account_lock(uuid[])",
    "footnote_admit_one(uuid, jsonb)",
)
OPERATORS = ("footnote_release_expired(uuid)",)
OUTER = (
    "footnote_admit(uuid, jsonb)",
    "footnote_settle(jsonb)",
    "footnote_renew(uuid[], uuid[])",
    "footnote_is_bounded(uuid)",
    "footnote_throttle(uuid, uuid, float8, float8)",
)
PLAIN = (
    "footnote_subject(text, jsonb)",
    "footnote_period_start(text)",
    "footnote_warning(inference_budgetcounter)",
)
ALL = (*INNER, *OPERATORS, *OUTER, *PLAIN)
OWNED = ", ".join(ALL)
TABLES = "inference_budgetcounter, inference_reservation, inference_ratemeter"
FORWARD = f"""
{FUNCTIONS}
{"".join(f"ALTER FUNCTION {name} OWNER TO footnote_search;" for name in ALL)}
REVOKE ALL ON FUNCTION {OWNED} FROM PUBLIC, footnote_app, footnote_operator;
GRANT EXECUTE ON FUNCTION {", ".join(OUTER)} TO footnote_app;
GRANT EXECUTE ON FUNCTION {", ".join(OPERATORS)} TO footnote_operator;
GRANT SELECT, INSERT, UPDATE, DELETE ON {TABLES} TO footnote_search;
GRANT INSERT ON inference_modelcall TO footnote_search;
REVOKE INSERT, UPDATE ON {TABLES} FROM footnote_app;
REVOKE DELETE ON inference_reservation FROM footnote_app;
-- Where a bucket stands is worth nothing after a crash, and no wait for the disk before one.
ALTER TABLE inference_ratemeter SET UNLOGGED;
{
    "".join(
        f"ALTER TABLE {table} ALTER COLUMN tenant_id SET STATISTICS 0;"
        for table in (*TABLES.split(", "), "inference_budget", "inference_ratelimit")
    )
}
"""
BACKWARD = "".join(f"DROP FUNCTION {name};" for name in ALL)


class Migration(migrations.Migration):
    dependencies = [("inference", "0007_budgets")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

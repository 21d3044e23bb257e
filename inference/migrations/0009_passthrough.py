"""The two functions of the lean way to a model (passthrough.sql)."""

from pathlib import Path

from django.db import migrations

FUNCTIONS = Path(__file__).with_name("passthrough.sql").read_text()
NAMES = ("footnote_calls(jsonb)", "footnote_settle_calls(jsonb)")
FORWARD = f"""
{FUNCTIONS}
{"".join(f"ALTER FUNCTION {name} OWNER TO footnote_search;" for name in NAMES)}
REVOKE ALL ON FUNCTION {", ".join(NAMES)} FROM PUBLIC, footnote_operator;
GRANT EXECUTE ON FUNCTION {", ".join(NAMES)} TO footnote_app;
GRANT INSERT ON traces_trace, traces_span TO footnote_search;
"""
BACKWARD = "".join(f"DROP FUNCTION {name};" for name in NAMES)


class Migration(migrations.Migration):
    dependencies = [("inference", "0008_accounts"), ("traces", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

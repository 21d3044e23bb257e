"""A tenant whose guards mask or block is not served by the lean way, which no guard stands on."""

from pathlib import Path

from django.db import migrations

FUNCTIONS = Path(__file__).with_name("passthrough.sql").read_text()
CALLS = FUNCTIONS[FUNCTIONS.index("CREATE FUNCTION footnote_calls") : FUNCTIONS.index("-- name: footnote_settle_calls")]
BEFORE = CALLS.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
UNGUARDED = """'[{"status": "forbidden"}]'; CONTINUE;
        END IF;"""
GUARDED = """'[{"status": "forbidden"}]'; CONTINUE;
        ELSIF EXISTS (SELECT FROM inference_guardpolicy g
                       WHERE g.tenant_id = k.tenant_id AND g.action IN ('redact', 'block')) THEN
            told := told || '[{"status": "guarded"}]'; CONTINUE;
        END IF;"""
assert UNGUARDED in BEFORE
AFTER = BEFORE.replace(UNGUARDED, GUARDED)


class Migration(migrations.Migration):
    dependencies = [("inference", "0011_threshold")]
    operations = [migrations.RunSQL(AFTER, BEFORE)]

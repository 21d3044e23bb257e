"""Completions for a search box."""

from django.db import migrations

from retrieval.statements import pinned, statement

SIGNATURE = "footnote_suggest(text, text, uuid[], integer)"


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0008_search_tables"), ("ingestion", "0024_suggestions")]
    operations = [
        migrations.RunSQL(
            pinned(statement("footnote_suggest.v1.sql", "footnote_suggest"), SIGNATURE),
            f"DROP FUNCTION {SIGNATURE};",
        )
    ]

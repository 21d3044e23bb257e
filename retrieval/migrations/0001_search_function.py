"""The pinned search function, owned by a role that nobody can log in as, callable by the runtime role alone."""

from django.db import migrations

from retrieval.statements import statement

SIGNATURE = "footnote_search(halfvec, uuid, text[], integer[], integer[], uuid[], timestamptz, integer, integer)"
READS = (
    "ingestion_collection, ingestion_termcount, ingestion_lexicalentry, ingestion_embedding,"
    " ingestion_chunk, ingestion_document"
)
FORWARD = f"""
{statement("footnote_search.v1.sql", "footnote_search")}
ALTER FUNCTION {SIGNATURE} OWNER TO footnote_search;
REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC, footnote_operator;
GRANT EXECUTE ON FUNCTION {SIGNATURE} TO footnote_app;
GRANT SELECT ON {READS} TO footnote_search;
"""
BACKWARD = f"DROP FUNCTION {SIGNATURE}"


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0002_search_tables"), ("tenants", "0002_access")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

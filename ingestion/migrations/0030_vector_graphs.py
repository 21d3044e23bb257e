"""When a graph of vectors pays, and a function for each graph that asks it by a plan which is kept."""

from pathlib import Path

from django.db import migrations

# The extension's settings are unknown, and so refused in a function, until its library is loaded by some use of it.
FORWARD = "SELECT '[1]'::halfvec;" + Path(__file__).with_name("vector_graphs.sql").read_text()
BACKWARD = """
DO $$
DECLARE name regprocedure;
BEGIN
    FOR name IN SELECT oid::regprocedure FROM pg_proc WHERE proname ~ '^footnote_nearest_\\d+_\\d+$' LOOP
        EXECUTE format('DROP FUNCTION %s', name);
    END LOOP;
END
$$;
DROP FUNCTION footnote_prepare_graph(regclass, integer);
DROP FUNCTION footnote_graph_pays(double precision, double precision, integer);
DROP FUNCTION footnote_graph_least(integer);
"""


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0029_run_finished")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

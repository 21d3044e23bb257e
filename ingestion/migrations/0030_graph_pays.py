"""From how many chunks on a graph of vectors pays: one rule for whoever builds it and for the search that asks it."""

from django.db import migrations

# Where it is the tenant's alone, a graph takes half the time of a scan from 4,000 vectors on; of vectors that do not fit into
# their rows, which a scan fetches one by one (TOAST), from 1,000 on. Where only a part of the graph is the tenant's, so
# many more must be passed by: it has to be larger in the same measure (docs/benchmarks.md has the figures).
FORWARD = """
CREATE FUNCTION footnote_graph_pays(chunks double precision, neighbours double precision, dimensions integer)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT chunks >= c.least AND 2 * chunks * chunks >= c.least * GREATEST(neighbours, chunks)
      FROM (SELECT CASE WHEN dimensions < 900 THEN 4000 ELSE 1000 END AS least) c
$$;
GRANT EXECUTE ON FUNCTION footnote_graph_pays(double precision, double precision, integer) TO footnote_search, footnote_operator;
"""
BACKWARD = "DROP FUNCTION footnote_graph_pays(double precision, double precision, integer)"


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0029_run_finished")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

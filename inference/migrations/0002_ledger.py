"""The ledger is append-only for the runtime role and partitioned by month."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION footnote_prepare_ledger_partitions() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE first_day date := date_trunc('month', current_date);
BEGIN
    FOR ahead IN 0..3 LOOP
        PERFORM public.footnote_make_partition('inference_modelcall',
            (first_day + make_interval(months => ahead))::date,
            (first_day + make_interval(months => ahead + 1))::date);
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION footnote_prepare_ledger_partitions() FROM PUBLIC;
REVOKE ALL ON FUNCTION footnote_prepare_ledger_partitions() FROM footnote_app;
GRANT EXECUTE ON FUNCTION footnote_prepare_ledger_partitions() TO footnote_operator;
SELECT footnote_prepare_ledger_partitions();
CREATE INDEX modelcall_newest ON inference_modelcall (tenant_id, created_at DESC);
CREATE INDEX modelcall_trace ON inference_modelcall (tenant_id, trace_id);
REVOKE UPDATE, DELETE ON inference_modelcall FROM footnote_app;
"""
BACKWARD = """
DROP FUNCTION footnote_prepare_ledger_partitions();
GRANT UPDATE, DELETE ON inference_modelcall TO footnote_app;
"""


class Migration(migrations.Migration):
    dependencies = [("inference", "0001_initial"), ("traces", "0002_partitions")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

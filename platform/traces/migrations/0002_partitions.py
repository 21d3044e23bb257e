"""Dated partitions are made ahead by one pinned function, since no role at run time may create tables."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION footnote_make_partition(parent text, first_day date, next_day date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE part text := parent || '_' || to_char(first_day, 'YYYYMMDD');
BEGIN
    IF to_regclass(part) IS NOT NULL THEN RETURN; END IF;
    EXECUTE format('CREATE TABLE public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L)', part, parent, first_day, next_day);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', part);
    EXECUTE format('REVOKE ALL ON %I FROM footnote_app, footnote_operator', part);
EXCEPTION WHEN check_violation THEN
    -- The default partition already holds rows of that day; they stay readable there.
    RAISE WARNING 'partition % not made: rows of its dates are in the default partition', part;
END $$;

CREATE FUNCTION footnote_prepare_span_partitions() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    FOR ahead IN 0..14 LOOP
        PERFORM public.footnote_make_partition('traces_span', current_date + ahead, current_date + ahead + 1);
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION footnote_make_partition(text, date, date), footnote_prepare_span_partitions() FROM PUBLIC;
REVOKE ALL ON FUNCTION footnote_make_partition(text, date, date), footnote_prepare_span_partitions() FROM footnote_app;
GRANT EXECUTE ON FUNCTION footnote_prepare_span_partitions() TO footnote_operator;
SELECT footnote_prepare_span_partitions();
"""
BACKWARD = """
DROP FUNCTION footnote_prepare_span_partitions();
DROP FUNCTION footnote_make_partition(text, date, date);
"""


class Migration(migrations.Migration):
    dependencies = [("traces", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

"""Webhooks hear of budgets: a trigger writes the deliveries in the transaction that passes the line."""

from django.db import migrations

# Runs as whoever moves the money: footnote_search, through the functions of accounts.sql.
FORWARD = """
CREATE FUNCTION footnote_tell_budget() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO ingestion_webhookdelivery (tenant_id, id, endpoint_id, event, payload, state, attempts, error)
    SELECT e.tenant_id, uuidv7(), e.id, 'budget.warning',
           jsonb_build_object(
               'type', 'budget.warning',
               'timestamp', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
               'data', jsonb_build_object(
                   'id', b.id, 'name', b.name, 'scope', b.scope, 'subject', NEW.subject, 'period', b.period,
                   'period_start', NEW.period_start, 'percent', NEW.warned, 'spent_usd', NEW.spent_usd::text,
                   'limit_usd', NEW.limit_usd::text, 'at_limit', b.at_limit)),
           'waiting', 0, ''
      FROM ingestion_webhookendpoint e
      JOIN inference_budget b ON b.tenant_id = e.tenant_id AND b.id = NEW.budget_id
     WHERE e.tenant_id = NEW.tenant_id AND e.is_active AND (e.events = '{}' OR 'budget.warning' = ANY (e.events));
    RETURN NULL;
END $$;
CREATE TRIGGER tell_budget AFTER UPDATE OF warned ON inference_budgetcounter
   FOR EACH ROW WHEN (NEW.warned > OLD.warned) EXECUTE FUNCTION footnote_tell_budget();
GRANT SELECT ON ingestion_webhookendpoint, inference_budget TO footnote_search;
GRANT INSERT ON ingestion_webhookdelivery TO footnote_search;
"""
BACKWARD = """
DROP TRIGGER tell_budget ON inference_budgetcounter;
DROP FUNCTION footnote_tell_budget();
REVOKE SELECT ON ingestion_webhookendpoint FROM footnote_search;
REVOKE INSERT ON ingestion_webhookdelivery FROM footnote_search;
"""


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0019_serves_next"), ("inference", "0013_budget_mail")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

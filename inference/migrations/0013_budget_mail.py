"""Which warnings of a budget have been mailed, and warnings that begin anew when a budget is raised."""

from django.db import migrations, models

FORWARD = """
CREATE FUNCTION footnote_budget_raised() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM footnote_account_lock(ARRAY[NEW.tenant_id]);
    UPDATE inference_budgetcounter c SET warned = l.passed, mailed = least(c.mailed, l.passed)
      FROM (SELECT id, CASE WHEN spent_usd >= NEW.limit_usd THEN 100 WHEN spent_usd >= NEW.limit_usd * 0.8 THEN 80
                            WHEN spent_usd >= NEW.limit_usd * 0.5 THEN 50 ELSE 0 END AS passed
              FROM inference_budgetcounter
             WHERE tenant_id = NEW.tenant_id AND budget_id = NEW.id) l
     WHERE c.tenant_id = NEW.tenant_id AND c.id = l.id AND l.passed < c.warned;
    RETURN NULL;
END $$;
CREATE TRIGGER budget_raised AFTER UPDATE OF limit_usd ON inference_budget
   FOR EACH ROW WHEN (NEW.limit_usd > OLD.limit_usd) EXECUTE FUNCTION footnote_budget_raised();
ALTER FUNCTION footnote_budget_raised() OWNER TO footnote_search;
REVOKE ALL ON FUNCTION footnote_budget_raised() FROM PUBLIC, footnote_app, footnote_operator;
"""
BACKWARD = """
DROP TRIGGER budget_raised ON inference_budget;
DROP FUNCTION footnote_budget_raised();
"""


class Migration(migrations.Migration):
    dependencies = [("inference", "0012_guarded_passthrough")]
    operations = [
        migrations.AddField(
            "budgetcounter", "mailed", models.PositiveSmallIntegerField(db_default=0, default=0)
        ),
        migrations.AddIndex(
            "budgetcounter",
            models.Index(
                fields=["tenant"],
                condition=models.Q(warned__gt=models.F("mailed")),
                name="budget_counter_unmailed",
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]

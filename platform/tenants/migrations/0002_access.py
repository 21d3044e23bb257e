"""The pinned look-ups by login and by key, the tenant table's own policy, and the append-only audit trail."""

from pathlib import Path

from django.db import migrations
from tenants.security import TENANT, policy_sql

FUNCTIONS = Path(__file__).with_name("functions.sql").read_text()
FORWARD = f"""
{policy_sql("tenants_tenant", using=f"id = {TENANT}", check=f"id = {TENANT}")}
{FUNCTIONS}
ALTER FUNCTION footnote_places(uuid) OWNER TO footnote_search;
ALTER FUNCTION footnote_key(bytea) OWNER TO footnote_search;
REVOKE ALL ON FUNCTION footnote_places(uuid), footnote_key(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION footnote_places(uuid), footnote_key(bytea) TO footnote_app;
GRANT SELECT ON tenants_tenant, tenants_user, tenants_membership, tenants_group, tenants_groupmember,
    tenants_apikey TO footnote_search;
REVOKE UPDATE, DELETE ON tenants_auditevent FROM footnote_app;
REVOKE INSERT, UPDATE, DELETE ON tenants_tenant FROM footnote_app;
GRANT UPDATE (name) ON tenants_tenant TO footnote_app;
"""
BACKWARD = """
DROP FUNCTION footnote_places(uuid);
DROP FUNCTION footnote_key(bytea);
DROP POLICY tenant_rows ON tenants_tenant;
ALTER TABLE tenants_tenant DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;
GRANT UPDATE, DELETE ON tenants_auditevent TO footnote_app;
GRANT INSERT, UPDATE, DELETE ON tenants_tenant TO footnote_app;
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

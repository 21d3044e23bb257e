"""What the database's own catalog must say for tenants to be isolated. Each query returns offenders: none is right.

Run as the owner. ``violations`` is called by the guard tests, by the canaries that break one thing at a time, and after
a restore. The lists of exceptions are exact: an exception that no longer exists is an offence too.
"""

from django.db import connections

GLOBAL_TABLES = {
    "tenants_tenant",  # its own id is the tenant; has a policy of its own
    "tenants_user",  # a person may belong to several tenants; memberships say where
    "django_content_type",
    "django_migrations",
    "django_session",  # opaque keys, signed content; no tenant's data
    "auth_group",
    "auth_group_permissions",
    "auth_permission",
    "django_admin_log",  # never written: tenants.audit is the trail
}
DEFINERS = {
    "footnote_account_lock",
    "footnote_admit",
    "footnote_admit_one",
    "footnote_budget_raised",
    "footnote_calls",
    "footnote_is_bounded",
    "footnote_key",
    "footnote_places",
    "footnote_prepare_ledger_partitions",
    "footnote_prepare_span_partitions",
    "footnote_release_expired",
    "footnote_renew",
    "footnote_search",
    "footnote_settle",
    "footnote_settle_calls",
    "footnote_suggest",
    "footnote_throttle",
}
INDEXES_ACROSS_TENANTS = {
    "api_key_by_hash",  # a key is looked up before its tenant is known
    "membership_user",  # so are a person's places
    "reservation_lease",  # the reconciler gives back what a dead process held
    "run_due",  # the operator's claim of due work
    "space_filling",  # so is the embedding space that waited longest
}
CONDITION = "(tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)"

TENANT_TABLES = """
    SELECT c.oid, c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE a.attname = 'tenant_id' AND NOT a.attisdropped AND c.relkind IN ('r', 'p')
       AND c.relnamespace = 'public'::regnamespace"""

CHECKS: dict[str, str] = {
    "table without forced row-level security or with a nullable tenant": """
        SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
         WHERE a.attname = 'tenant_id' AND NOT a.attisdropped AND c.relkind IN ('r', 'p')
           AND c.relnamespace = 'public'::regnamespace
           AND NOT (c.relrowsecurity AND c.relforcerowsecurity AND a.attnotnull)""",
    "table without the tenant's policy for every command": f"""
        SELECT t.relname FROM ({TENANT_TABLES}) t
         WHERE NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = t.oid)
           AND NOT EXISTS (SELECT FROM pg_policies p WHERE p.tablename = t.relname AND p.cmd = 'ALL'
                 AND p.qual LIKE '%%' || %(condition)s || '%%' AND p.with_check = %(condition)s)""",
    "policy that could add rows to the tenant's": """
        SELECT p.tablename FROM pg_policies p
         WHERE p.tablename <> 'tenants_tenant'
           AND (p.policyname <> 'tenant_rows'
             OR NOT (p.qual = %(condition)s OR p.qual LIKE '(' || %(condition)s || ' AND %%'))""",
    "table that is neither a tenant's nor on the list of global ones": f"""
        SELECT c.relname FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
           AND c.relname <> ALL (%(global)s) AND c.oid NOT IN (SELECT oid FROM ({TENANT_TABLES}) t)""",
    "global table that no longer exists": """
        SELECT name FROM unnest(%(global)s::text[]) AS name WHERE to_regclass(name) IS NULL""",
    "primary or unique key that does not lead with the tenant": f"""
        SELECT i.indexrelid::regclass::text FROM pg_index i JOIN ({TENANT_TABLES}) t ON t.oid = i.indrelid
          JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
         WHERE i.indisunique AND a.attname <> 'tenant_id'""",
    "index that does not lead with the tenant": f"""
        SELECT i.indexrelid::regclass::text FROM pg_index i JOIN ({TENANT_TABLES}) t ON t.oid = i.indrelid
          LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
         WHERE a.attname IS DISTINCT FROM 'tenant_id' AND i.indexrelid::regclass::text <> ALL (%(indexes)s)
           -- An approximate index covers one partition or one tenant's rows by its own condition.
           AND NOT EXISTS (SELECT FROM pg_class x JOIN pg_am m ON m.oid = x.relam
                            WHERE x.oid = i.indexrelid AND m.amname IN ('hnsw', 'ivfflat'))""",
    "foreign key to a tenant's table that does not lead with the tenant": f"""
        SELECT k.conname FROM pg_constraint k JOIN ({TENANT_TABLES}) t ON t.oid = k.confrelid
          JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
         WHERE k.contype = 'f' AND a.attname <> 'tenant_id'""",
    "reference to a tenant's table without any foreign key": f"""
        SELECT t.relname || '.' || a.attname FROM ({TENANT_TABLES}) t JOIN pg_attribute a ON a.attrelid = t.oid
         WHERE NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = t.oid)
           AND t.relname || '.' || a.attname = ANY (%(references)s)
           AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = t.oid AND k.contype = 'f'
                            AND a.attnum = ANY (k.conkey))""",
    "view that runs as its owner": """
        SELECT relname FROM pg_class WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace
           AND NOT coalesce(reloptions::text LIKE '%%security_invoker=true%%', false)""",
    "materialised view that the runtime role may read": """
        SELECT relname FROM pg_class WHERE relkind = 'm' AND has_table_privilege('footnote_app', oid, 'select')""",
    "definer function that is not on the list": """
        SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace
           AND proname <> ALL (%(definers)s)""",
    "definer function that no longer exists": """
        SELECT name FROM unnest(%(definers)s::text[]) AS name
         WHERE NOT EXISTS (SELECT FROM pg_proc WHERE proname = name AND prosecdef)""",
    "definer function without a pinned search path": """
        SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace
           AND NOT coalesce(proconfig::text LIKE '%%search_path=pg_catalog, public, pg_temp%%', false)""",
    "definer function that everybody may call": """
        SELECT proname FROM pg_proc p WHERE prosecdef AND pronamespace = 'public'::regnamespace
           AND EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x
                        WHERE x.grantee = 0)""",
    "table that the runtime role owns or may truncate": """
        SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
           AND (has_table_privilege('footnote_app', oid, 'truncate') OR pg_get_userbyid(relowner) = 'footnote_app')""",
    "partition that the runtime role can reach directly": """
        SELECT inhrelid::regclass::text FROM pg_inherits
         WHERE inhrelid IN (SELECT oid FROM pg_class WHERE relkind = 'r')
           AND has_table_privilege('footnote_app', inhrelid, 'select, insert, update, delete')""",
    "append-only table that the runtime role may rewrite": """
        SELECT name FROM unnest(ARRAY['tenants_auditevent', 'inference_modelcall',
                                  'inference_promptversion']) AS name
         WHERE has_table_privilege('footnote_app', name, 'update, delete')""",
    "runtime role that is more than it should be": """
        SELECT rolname FROM pg_roles WHERE rolname = 'footnote_app'
           AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)
        UNION ALL SELECT 'footnote_app may create in public'
         WHERE has_schema_privilege('footnote_app', 'public', 'create')""",
    "invalid index": "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid",
}


def references() -> list[str]:
    """``table.column`` of every reference between tenants' tables that the models declare."""
    from django.apps import apps

    from tenants.tables import TenantForeignKey, TenantTable

    models = [model for model in apps.get_models() if issubclass(model, TenantTable)]
    return [
        f"{model._meta.db_table}.{field.column}"
        for model in models
        for field in model._meta.local_fields
        if isinstance(field, TenantForeignKey)
    ]


def violations(alias: str = "owner") -> list[str]:
    """Every offence that the catalog shows, as ``what: which``."""
    values = {
        "condition": CONDITION,
        "global": sorted(GLOBAL_TABLES),
        "definers": sorted(DEFINERS),
        "indexes": sorted(INDEXES_ACROSS_TENANTS),
        "references": references(),
    }
    found = []
    with connections[alias].cursor() as cursor:
        for what, query in CHECKS.items():
            cursor.execute(query, values)
            found += [f"{what}: {row[0]}" for row in cursor.fetchall()]
    return found

-- The pinned look-ups that happen before a tenant is known. Owned by footnote_search (NOLOGIN, BYPASSRLS).

-- name: footnote_places
CREATE FUNCTION footnote_places(asked uuid)
RETURNS TABLE (tenant_id uuid, slug text, name text, role text, group_ids uuid[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT t.id, t.slug::text, t.name::text, m.role::text,
           COALESCE((SELECT array_agg(g.group_id) FROM tenants_groupmember g
                      WHERE g.tenant_id = m.tenant_id AND g.membership_id = m.id), '{}')
      FROM tenants_membership m
      JOIN tenants_tenant t ON t.id = m.tenant_id
      JOIN tenants_user u ON u.id = m.user_id
     WHERE m.user_id = asked AND m.is_active AND u.is_active
     ORDER BY t.name, t.id
$$;

-- name: footnote_key
-- Uses index: api_key_by_hash
CREATE FUNCTION footnote_key(asked bytea)
RETURNS TABLE (tenant_id uuid, key_id uuid, role text, scopes text[], group_ids uuid[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT k.tenant_id, k.id, k.role::text, k.scopes::text[], k.group_ids
      FROM tenants_apikey k
     WHERE k.key_hash = asked AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
       -- A key dies with the membership of the person who made it.
       AND (k.created_by_id IS NULL OR EXISTS (
            SELECT FROM tenants_membership m JOIN tenants_user u ON u.id = m.user_id
             WHERE m.tenant_id = k.tenant_id AND m.user_id = k.created_by_id AND m.is_active AND u.is_active))
$$;

-- name: jobs
-- Each row is looked up by its whole key, whatever the planner believes of the tenant's size: OFFSET 0 keeps the
-- subqueries from being joined in another order, which for an unknown tenant is all its rows times all its rows.
SELECT r.id AS run_id, r.document_id, r.version_id, r.attempts, r.light, d.collection_id, d.external_id, v.filename,
       COALESCE(NULLIF(d.fixed_title, ''), v.given_title) AS given_title, v.media_type, v.file_id, f.size,
       v.parser <> '' AS was_read, v.sealed_password
  FROM unnest(%(runs)s::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
       SELECT id, document_id, version_id, attempts, light, not_before FROM ingestion_ingestionrun
        WHERE tenant_id = %(tenant)s AND id = wanted.id AND lease_token = %(token)s OFFSET 0) r
 CROSS JOIN LATERAL (
       SELECT filename, given_title, media_type, file_id, parser, sealed_password FROM ingestion_documentversion
        WHERE tenant_id = %(tenant)s AND id = r.version_id OFFSET 0) v
 CROSS JOIN LATERAL (
       SELECT size FROM ingestion_storedfile
        WHERE tenant_id = %(tenant)s AND id = v.file_id OFFSET 0) f
 CROSS JOIN LATERAL (
       SELECT collection_id, external_id, fixed_title FROM ingestion_document
        WHERE tenant_id = %(tenant)s AND id = r.document_id OFFSET 0) d
 ORDER BY r.not_before, r.id

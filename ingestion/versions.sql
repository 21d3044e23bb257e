-- name: copy_versions
INSERT INTO ingestion_documentversion (
       tenant_id, id, document_id, number, file_id, filename, given_title, title, restored_from, uploaded_by_id, sha256, size,
       media_type, parser, text, page_spans, blocks, warnings, sealed_password, created_at)
SELECT v.tenant_id, r.id, v.document_id,
       (SELECT max(n.number) + 1 FROM ingestion_documentversion n
         WHERE n.tenant_id = v.tenant_id AND n.document_id = v.document_id),
       v.file_id, v.filename, v.given_title, v.title, v.number, %(actor)s, v.sha256, v.size,
       v.media_type, v.parser, v.text, v.page_spans, v.blocks, v.warnings, v.sealed_password, now()
  FROM unnest(%(fresh)s::uuid[], %(old)s::uuid[]) AS r (id, old)
  JOIN ingestion_documentversion v ON v.tenant_id = %(tenant)s AND v.id = r.old

-- name: close_unpublished
-- What was never published is superseded from now on, so that retention counts from here.
UPDATE ingestion_documentversion SET valid_to = now()
 WHERE tenant_id = %(tenant)s AND document_id = ANY(%(documents)s) AND NOT id = ANY(%(newest)s)
   AND valid_from IS NULL AND valid_to IS NULL

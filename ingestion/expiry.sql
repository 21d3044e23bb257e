-- name: due_documents
-- Uses index: document_deleted
SELECT d.tenant_id, d.id
  FROM ingestion_document d
  LEFT JOIN ingestion_retention k ON k.tenant_id = d.tenant_id
 WHERE d.deleted_at < now() - COALESCE(k.deleted_days, %(days)s) * interval '1 day'
   AND (d.tenant_id, d.id) > (%(tenant)s, %(after)s)
 ORDER BY d.tenant_id, d.id
 LIMIT %(most)s

-- name: due_versions
-- Those of deleted documents go with their document: restoring it needs them. Uses index: version_superseded
SELECT v.tenant_id, v.id
  FROM ingestion_documentversion v
  JOIN ingestion_document d ON d.tenant_id = v.tenant_id AND d.id = v.document_id
  LEFT JOIN ingestion_retention k ON k.tenant_id = v.tenant_id
 WHERE v.valid_to < now() - COALESCE(k.superseded_days, %(days)s) * interval '1 day'
   AND d.deleted_at IS NULL
   AND (v.tenant_id, v.id) > (%(tenant)s, %(after)s)
   -- The newest version is what a document is about, whatever became of it.
   AND EXISTS (SELECT FROM ingestion_documentversion newer
                WHERE newer.tenant_id = v.tenant_id AND newer.document_id = v.document_id AND newer.number > v.number)
 ORDER BY v.tenant_id, v.id
 LIMIT %(most)s

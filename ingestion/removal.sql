-- name: delete_runs
DELETE FROM ingestion_ingestionrun WHERE tenant_id = %(tenant)s AND version_id = ANY(%(versions)s)

-- name: delete_versions
DELETE FROM ingestion_documentversion WHERE tenant_id = %(tenant)s AND id = ANY(%(versions)s)

-- name: delete_blocks
-- A restored version has the file of the one that it brought back.
DELETE FROM ingestion_fileblock b
 WHERE b.tenant_id = %(tenant)s AND b.file_id = ANY(%(files)s)
   AND NOT EXISTS (SELECT FROM ingestion_documentversion v WHERE v.tenant_id = b.tenant_id AND v.file_id = b.file_id)

-- name: delete_files
DELETE FROM ingestion_storedfile f
 WHERE f.tenant_id = %(tenant)s AND f.id = ANY(%(files)s)
   AND NOT EXISTS (SELECT FROM ingestion_documentversion v WHERE v.tenant_id = f.tenant_id AND v.file_id = f.id)

-- name: delete_documents
DELETE FROM ingestion_document WHERE tenant_id = %(tenant)s AND id = ANY(%(documents)s)

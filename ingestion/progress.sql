-- name: lock_documents
SELECT id FROM ingestion_document
 WHERE tenant_id = %(tenant)s
   AND id = ANY(ARRAY(SELECT document_id FROM ingestion_ingestionrun WHERE tenant_id = %(tenant)s AND id = ANY(%(runs)s)))
 ORDER BY id FOR UPDATE

-- name: show
UPDATE ingestion_ingestionrun
   SET state = %(state)s, pages = COALESCE(%(pages)s, pages), chunks = COALESCE(%(chunks)s, chunks),
       chunks_done = COALESCE(%(chunks_done)s, chunks_done)
 WHERE tenant_id = %(tenant)s AND id = ANY(%(runs)s) AND lease_token = %(token)s

-- name: fail
UPDATE ingestion_ingestionrun
   SET state = 'failed', reason_code = %(code)s, reason = %(reason)s, remedy = %(remedy)s, stages = %(stages)s,
       lease_token = NULL, lease_until = NULL, finished_at = now()
 WHERE tenant_id = %(tenant)s AND id = ANY(%(runs)s) AND lease_token = %(token)s

-- name: postpone
-- The reason of the last attempt stays in sight while the run waits for the next one.
UPDATE ingestion_ingestionrun
   SET state = CASE WHEN attempts < %(most)s THEN 'queued' ELSE 'failed' END,
       finished_at = CASE WHEN attempts < %(most)s THEN NULL ELSE now() END,
       not_before = now() + (5 * 3 ^ (attempts - 1)) * interval '1 second',
       reason_code = %(code)s, reason = %(reason)s, remedy = %(remedy)s, stages = %(stages)s,
       lease_token = NULL, lease_until = NULL
 WHERE tenant_id = %(tenant)s AND id = ANY(%(runs)s) AND lease_token = %(token)s

-- name: taken
-- Items that were fetched, with what tells next time whether they changed. Uses index: source_item_once
INSERT INTO ingestion_sourceitem AS i
       (tenant_id, id, source_id, document_id, key, key_hash, marker, etag, last_modified, sha256, memory, seen_at,
        fetched_at, reason_code, reason, remedy)
SELECT %(tenant)s, n.id, %(source)s, n.document_id, n.key, sha256(convert_to(n.key, 'UTF8')), n.marker, n.etag,
       n.last_modified, n.sha256, n.memory::jsonb, now(), now(), n.code, n.reason, n.remedy
  FROM unnest(%(ids)s::uuid[], %(documents)s::uuid[], %(keys)s::text[], %(markers)s::text[], %(etags)s::text[],
              %(modified)s::text[], %(hashes)s::bytea[], %(memories)s::text[], %(codes)s::text[], %(reasons)s::text[],
              %(remedies)s::text[])
       AS n (id, document_id, key, marker, etag, last_modified, sha256, memory, code, reason, remedy)
ON CONFLICT (tenant_id, source_id, key_hash) DO UPDATE
   SET document_id = COALESCE(EXCLUDED.document_id, i.document_id), marker = EXCLUDED.marker, etag = EXCLUDED.etag,
       last_modified = EXCLUDED.last_modified, sha256 = EXCLUDED.sha256, memory = EXCLUDED.memory, seen_at = now(),
       fetched_at = now(), reason_code = EXCLUDED.reason_code, reason = EXCLUDED.reason, remedy = EXCLUDED.remedy

-- name: failed
-- Items that could not be fetched keep what is known of their last good state.
INSERT INTO ingestion_sourceitem AS i
       (tenant_id, id, source_id, key, key_hash, marker, etag, last_modified, sha256, memory, seen_at,
        reason_code, reason, remedy)
SELECT %(tenant)s, n.id, %(source)s, n.key, sha256(convert_to(n.key, 'UTF8')), '', '', '', '', '{}', now(),
       n.code, n.reason, n.remedy
  FROM unnest(%(ids)s::uuid[], %(keys)s::text[], %(codes)s::text[], %(reasons)s::text[], %(remedies)s::text[])
       AS n (id, key, code, reason, remedy)
ON CONFLICT (tenant_id, source_id, key_hash) DO UPDATE
   SET seen_at = now(), marker = '', reason_code = EXCLUDED.reason_code, reason = EXCLUDED.reason,
       remedy = EXCLUDED.remedy

-- name: seen
UPDATE ingestion_sourceitem i
   SET seen_at = now(), marker = CASE WHEN n.marker = '' THEN i.marker ELSE n.marker END
  FROM unnest(%(ids)s::uuid[], %(markers)s::text[]) AS n (id, marker)
 WHERE i.tenant_id = %(tenant)s AND i.id = n.id

-- name: asked
-- The source was asked and said that nothing changed: fresh again, and in order.
UPDATE ingestion_sourceitem SET fetched_at = now()
 WHERE tenant_id = %(tenant)s AND id = ANY(%(ids)s)

-- name: recovered
-- A failure of fetching is over once the item answers again; a refusal of its content stays.
UPDATE ingestion_sourceitem SET reason_code = '', reason = '', remedy = ''
 WHERE tenant_id = %(tenant)s AND id = ANY(%(ids)s)

-- name: fence
-- Shows how far the run is; no row: it is not this worker's any more, and nothing of this transaction may stay.
UPDATE ingestion_sourcerun
   SET listed = %(listed)s, fetched = %(fetched)s, unchanged = %(unchanged)s, new = %(new)s, changed = %(changed)s,
       deleted = %(deleted)s, skipped = %(skipped)s, failed = %(failed)s, problems = %(problems)s
 WHERE tenant_id = %(tenant)s AND id = %(run)s AND lease_token = %(token)s

-- name: finish
UPDATE ingestion_sourcerun
   SET state = %(state)s, lease_token = NULL, lease_until = NULL, finished_at = now(),
       reason_code = %(code)s, reason = %(reason)s, remedy = %(remedy)s
 WHERE tenant_id = %(tenant)s AND id = %(run)s AND lease_token = %(token)s

-- name: postpone
UPDATE ingestion_sourcerun
   SET state = 'waiting', lease_token = NULL, lease_until = NULL,
       not_before = now() + greatest(%(wait)s, 5 * 3 ^ (attempts - 1)) * interval '1 second',
       reason_code = %(code)s, reason = %(reason)s, remedy = %(remedy)s
 WHERE tenant_id = %(tenant)s AND id = %(run)s AND lease_token = %(token)s

-- name: show_on_source
UPDATE ingestion_source
   SET last_run_at = now(), last_success_at = CASE WHEN %(good)s THEN now() ELSE last_success_at END,
       reason_code = %(code)s, reason = %(reason)s, remedy = %(remedy)s, held_deletions = %(held)s,
       memory = CASE WHEN %(good)s THEN %(memory)s ELSE memory END
 WHERE tenant_id = %(tenant)s AND id = %(source)s

-- name: forget_old_runs
DELETE FROM ingestion_sourcerun
 WHERE tenant_id = %(tenant)s AND source_id = %(source)s AND finished_at IS NOT NULL
   AND id NOT IN (SELECT id FROM ingestion_sourcerun WHERE tenant_id = %(tenant)s AND source_id = %(source)s
                   ORDER BY created_at DESC LIMIT 50)

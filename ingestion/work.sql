-- name: tenants_in_turn
-- Tenants with due work, those with the fewest batches under way first. A loose scan: costs one index probe a tenant.
-- Documents are looked up only in a tenant that has paused something: nothing of a paused collection or source is due.
-- Uses index: run_open, run_leased, collection_paused, source_paused
WITH RECURSIVE waiting (tenant_id) AS (
    (SELECT tenant_id FROM ingestion_ingestionrun
      WHERE state NOT IN ('ready', 'failed') ORDER BY tenant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT r.tenant_id FROM ingestion_ingestionrun r
             WHERE r.state NOT IN ('ready', 'failed') AND r.tenant_id > w.tenant_id
             ORDER BY r.tenant_id LIMIT 1)
      FROM waiting w
     WHERE w.tenant_id IS NOT NULL
)
SELECT w.tenant_id
  FROM waiting w
 CROSS JOIN LATERAL (
       SELECT EXISTS (SELECT FROM ingestion_collection c WHERE c.tenant_id = w.tenant_id AND c.paused_at IS NOT NULL)
              OR EXISTS (SELECT FROM ingestion_source s WHERE s.tenant_id = w.tenant_id AND s.paused_at IS NOT NULL) AS here) paused
 CROSS JOIN LATERAL (
       SELECT r.not_before FROM ingestion_ingestionrun r
        WHERE r.tenant_id = w.tenant_id AND r.state NOT IN ('ready', 'failed')
          AND r.lease_until IS NULL AND r.not_before <= now()
          AND (NOT paused.here OR NOT EXISTS (SELECT FROM ingestion_document d
                            JOIN ingestion_collection c ON c.tenant_id = d.tenant_id AND c.id = d.collection_id
                            JOIN ingestion_source s ON s.tenant_id = d.tenant_id AND s.id = d.source_id
                           WHERE d.tenant_id = r.tenant_id AND d.id = r.document_id
                             AND (c.paused_at IS NOT NULL OR s.paused_at IS NOT NULL)))
        ORDER BY r.not_before LIMIT 1) first
 CROSS JOIN LATERAL (
       SELECT count(DISTINCT r.lease_token) AS batches FROM ingestion_ingestionrun r
        WHERE r.tenant_id = w.tenant_id AND r.lease_until IS NOT NULL) busy
 ORDER BY busy.batches, first.not_before

-- name: claim
-- The oldest due run of a tenant; when it is light and new, the light and new ones behind it as well.
-- A run that was tried before goes alone, so that one bad file cannot use up the attempts of its neighbours.
-- Uses index: run_open, collection_paused, source_paused
WITH paused AS MATERIALIZED (
    SELECT EXISTS (SELECT FROM ingestion_collection c WHERE c.tenant_id = %(tenant)s AND c.paused_at IS NOT NULL)
           OR EXISTS (SELECT FROM ingestion_source s WHERE s.tenant_id = %(tenant)s AND s.paused_at IS NOT NULL) AS here
), queue AS (
    SELECT id, not_before, light AND attempts = 0 AS together
      FROM ingestion_ingestionrun r
     WHERE tenant_id = %(tenant)s AND state NOT IN ('ready', 'failed')
       AND lease_until IS NULL AND not_before <= now()
       AND (NOT (SELECT here FROM paused) OR NOT EXISTS (SELECT FROM ingestion_document d
                            JOIN ingestion_collection c ON c.tenant_id = d.tenant_id AND c.id = d.collection_id
                            JOIN ingestion_source s ON s.tenant_id = d.tenant_id AND s.id = d.source_id
                           WHERE d.tenant_id = r.tenant_id AND d.id = r.document_id
                             AND (c.paused_at IS NOT NULL OR s.paused_at IS NOT NULL)))
     ORDER BY not_before, id
     LIMIT %(most)s
       FOR UPDATE SKIP LOCKED
), first AS (
    SELECT id, together FROM queue ORDER BY not_before, id LIMIT 1
), taken AS (
    SELECT queue.id FROM queue, first WHERE queue.id = first.id OR (queue.together AND first.together)
)
UPDATE ingestion_ingestionrun r
   SET lease_token = %(token)s, lease_until = now() + %(lease)s, attempts = attempts + 1,
       state = 'parsing', started_at = COALESCE(started_at, now())
  FROM taken
 WHERE r.tenant_id = %(tenant)s AND r.id = taken.id
RETURNING r.id

-- name: renew
UPDATE ingestion_ingestionrun SET lease_until = now() + %(lease)s
 WHERE tenant_id = %(tenant)s AND id = ANY(%(runs)s) AND lease_token = %(token)s

-- name: is_any_due
SELECT EXISTS (SELECT FROM ingestion_ingestionrun r
                WHERE state NOT IN ('ready', 'failed') AND lease_until IS NULL AND not_before <= now()
                  AND NOT EXISTS (SELECT FROM ingestion_document d
                            JOIN ingestion_collection c ON c.tenant_id = d.tenant_id AND c.id = d.collection_id
                            JOIN ingestion_source s ON s.tenant_id = d.tenant_id AND s.id = d.source_id
                           WHERE d.tenant_id = r.tenant_id AND d.id = r.document_id
                             AND (c.paused_at IS NOT NULL OR s.paused_at IS NOT NULL)))

-- name: is_any_under_way
SELECT EXISTS (SELECT FROM ingestion_ingestionrun
                WHERE state NOT IN ('ready', 'failed') AND lease_until > now())

-- name: expired
-- Uses index: run_leased
-- Runs whose worker has gone silent, with their documents locked first, as every writer does.
SELECT r.tenant_id, r.id, r.document_id, r.version_id, r.attempts
  FROM ingestion_ingestionrun r
  JOIN ingestion_document d ON d.tenant_id = r.tenant_id AND d.id = r.document_id
 WHERE r.lease_until < now() AND r.state NOT IN ('ready', 'failed')
 ORDER BY d.id
 LIMIT 500
   FOR UPDATE OF d SKIP LOCKED

-- name: requeue_expired
UPDATE ingestion_ingestionrun
   SET state = 'queued', lease_token = NULL, lease_until = NULL,
       -- At most a minute: it is not known to be the file's fault, and somebody waits for it.
       not_before = now() + LEAST(60, 5 * 3 ^ (attempts - 1)) * interval '1 second',
       reason_code = 'worker_lost', reason = 'The worker stopped while it was reading this file.'
 WHERE tenant_id = %(tenant)s AND id = %(run)s AND lease_until < now() AND state NOT IN ('ready', 'failed')
   AND attempts < %(most)s
RETURNING id

-- name: poison_expired
UPDATE ingestion_ingestionrun
   SET state = 'failed', lease_token = NULL, lease_until = NULL, finished_at = now(),
       reason_code = 'poison', reason = format(%(reason)s, attempts), remedy = %(remedy)s
 WHERE tenant_id = %(tenant)s AND id = %(run)s AND lease_until < now() AND state NOT IN ('ready', 'failed')
   AND attempts >= %(most)s
RETURNING id

-- name: show_on_document
-- Only the newest version's run speaks for its document. The documents are locked already, so their place (ctid) cannot
-- change. Each row is looked up by its whole key, whatever the planner believes of the tenant's size.
UPDATE ingestion_document d
   SET state = r.state, reason_code = r.reason_code, reason = r.reason, remedy = r.remedy, updated_at = now()
  FROM unnest(%(runs)s::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
       SELECT document_id, version_id, state, reason_code, reason, remedy FROM ingestion_ingestionrun
        WHERE tenant_id = %(tenant)s AND id = wanted.id OFFSET 0) r
 CROSS JOIN LATERAL (
       SELECT ctid FROM ingestion_document
        WHERE tenant_id = %(tenant)s AND id = r.document_id OFFSET 0) place
 CROSS JOIN LATERAL (
       SELECT number FROM ingestion_documentversion
        WHERE tenant_id = %(tenant)s AND id = r.version_id OFFSET 0) own
 WHERE d.tenant_id = %(tenant)s AND d.ctid = place.ctid
   AND NOT EXISTS (SELECT FROM ingestion_documentversion newer
                    WHERE newer.tenant_id = %(tenant)s AND newer.document_id = r.document_id
                      AND newer.number > own.number OFFSET 0)

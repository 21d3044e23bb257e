-- name: tenants_in_turn
-- Tenants with due work, those with the fewest batches under way first. A loose scan: costs one index probe a tenant.
-- Uses index: run_open, run_leased
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
       SELECT r.not_before FROM ingestion_ingestionrun r
        WHERE r.tenant_id = w.tenant_id AND r.state NOT IN ('ready', 'failed')
          AND r.lease_until IS NULL AND r.not_before <= now()
        ORDER BY r.not_before LIMIT 1) first
 CROSS JOIN LATERAL (
       SELECT count(DISTINCT r.lease_token) AS batches FROM ingestion_ingestionrun r
        WHERE r.tenant_id = w.tenant_id AND r.lease_until IS NOT NULL) busy
 ORDER BY busy.batches, first.not_before

-- name: claim
-- The oldest due run of a tenant; when it is light and new, the light and new ones behind it as well.
-- A run that was tried before goes alone, so that one bad file cannot use up the attempts of its neighbours.
-- Uses index: run_open
WITH queue AS (
    SELECT id, not_before, light AND attempts = 0 AS together
      FROM ingestion_ingestionrun
     WHERE tenant_id = %(tenant)s AND state NOT IN ('ready', 'failed')
       AND lease_until IS NULL AND not_before <= now()
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
SELECT EXISTS (SELECT FROM ingestion_ingestionrun
                WHERE state NOT IN ('ready', 'failed') AND lease_until IS NULL AND not_before <= now())

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
       not_before = now() + (5 * 3 ^ (attempts - 1)) * interval '1 second',
       reason_code = 'worker_lost', reason = 'The worker stopped while it was reading this file.'
 WHERE tenant_id = %(tenant)s AND id = %(run)s AND lease_until < now() AND state NOT IN ('ready', 'failed')
   AND attempts < CASE state WHEN 'embedding' THEN %(patient)s ELSE %(most)s END
RETURNING id

-- name: poison_expired
UPDATE ingestion_ingestionrun
   SET state = 'failed', lease_token = NULL, lease_until = NULL, finished_at = now(),
       reason_code = 'poison', reason = format(%(reason)s, attempts), remedy = %(remedy)s
 WHERE tenant_id = %(tenant)s AND id = %(run)s AND lease_until < now() AND state NOT IN ('ready', 'failed')
   AND attempts >= CASE state WHEN 'embedding' THEN %(patient)s ELSE %(most)s END
RETURNING id

-- name: show_on_document
-- Only the newest version's run speaks for its document.
UPDATE ingestion_document d
   SET state = r.state, reason_code = r.reason_code, reason = r.reason, remedy = r.remedy, updated_at = now()
  FROM ingestion_ingestionrun r
 WHERE r.tenant_id = %(tenant)s AND r.id = ANY(%(runs)s)
   AND d.tenant_id = r.tenant_id AND d.id = r.document_id
   AND NOT EXISTS (SELECT FROM ingestion_documentversion newer
                     JOIN ingestion_documentversion own ON own.tenant_id = r.tenant_id AND own.id = r.version_id
                    WHERE newer.tenant_id = r.tenant_id AND newer.document_id = r.document_id
                      AND newer.number > own.number)

-- name: schedule
-- Sources whose time has come and that nobody is looking at. Uses index: source_due
WITH due AS (
    SELECT s.tenant_id, s.id
      FROM ingestion_source s
      JOIN ingestion_collection c ON c.tenant_id = s.tenant_id AND c.id = s.collection_id AND c.paused_at IS NULL
     WHERE s.next_run_at <= now() AND s.paused_at IS NULL AND s.removed_at IS NULL
       AND NOT EXISTS (SELECT FROM ingestion_sourcerun r
                        WHERE r.tenant_id = s.tenant_id AND r.source_id = s.id AND r.finished_at IS NULL)
     LIMIT 500
       FOR UPDATE OF s SKIP LOCKED
), moved AS (
    UPDATE ingestion_source s
       SET next_run_at = now() + s.every_minutes * interval '1 minute'
      FROM due WHERE s.tenant_id = due.tenant_id AND s.id = due.id
    RETURNING s.tenant_id, s.id
)
INSERT INTO ingestion_sourcerun
       (tenant_id, id, source_id, state, asked_for, may_delete_all, attempts, listed, fetched, unchanged, new, changed,
        deleted, skipped, failed, problems, reason_code, reason, remedy, created_at)
SELECT tenant_id, uuidv7(), id, 'waiting', false, false, 0, 0, 0, 0, 0, 0, 0, 0, 0, '[]', '', '', '', now() FROM moved
ON CONFLICT DO NOTHING

-- name: claim
-- The oldest due run of the tenant that has the fewest under way. Uses index: source_run_open
WITH busy AS (
    SELECT tenant_id, count(*) AS runs FROM ingestion_sourcerun
     WHERE finished_at IS NULL AND lease_until IS NOT NULL GROUP BY tenant_id
), first AS (
    SELECT r.tenant_id, r.id FROM ingestion_sourcerun r LEFT JOIN busy USING (tenant_id)
     WHERE r.finished_at IS NULL AND r.lease_until IS NULL AND r.not_before <= now()
       AND coalesce(busy.runs, 0) < %(most_of_tenant)s
     ORDER BY coalesce(busy.runs, 0), r.not_before, r.id
     LIMIT 1
       FOR UPDATE OF r SKIP LOCKED
)
UPDATE ingestion_sourcerun r
   SET lease_token = %(token)s, lease_until = now() + %(lease)s, attempts = attempts + 1, state = 'running',
       started_at = COALESCE(started_at, now())
  FROM first
 WHERE r.tenant_id = first.tenant_id AND r.id = first.id
RETURNING r.tenant_id, r.id, r.source_id, r.attempts

-- name: renew
UPDATE ingestion_sourcerun SET lease_until = now() + %(lease)s
 WHERE tenant_id = %(tenant)s AND id = %(run)s AND lease_token = %(token)s

-- name: is_any_due
SELECT EXISTS (SELECT FROM ingestion_sourcerun
                WHERE finished_at IS NULL AND lease_until IS NULL AND not_before <= now())

-- name: requeue_expired
UPDATE ingestion_sourcerun
   SET state = 'waiting', lease_token = NULL, lease_until = NULL,
       not_before = now() + (5 * 3 ^ (attempts - 1)) * interval '1 second',
       reason_code = 'worker_lost', reason = 'The worker stopped while it was looking at this source.'
 WHERE finished_at IS NULL AND lease_until < now() AND attempts < %(most)s

-- name: fail_expired
WITH over AS (
    UPDATE ingestion_sourcerun
       SET state = 'failed', lease_token = NULL, lease_until = NULL, finished_at = now(), reason_code = 'worker_lost',
           reason = 'The worker stopped several times while it was looking at this source.',
           remedy = 'Make the source smaller, or ask whoever runs this Footnote to look at the workers'' log.'
     WHERE finished_at IS NULL AND lease_until < now() AND attempts >= %(most)s
    RETURNING tenant_id, source_id, reason_code, reason, remedy
)
UPDATE ingestion_source s
   SET reason_code = over.reason_code, reason = over.reason, remedy = over.remedy, last_run_at = now()
  FROM over WHERE s.tenant_id = over.tenant_id AND s.id = over.source_id

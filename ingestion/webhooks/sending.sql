-- name: claim
-- The oldest due deliveries of all tenants, a few of each endpoint, so that a slow one does not take all threads.
-- Uses index: delivery_waiting
WITH ranked AS (
    SELECT d.tenant_id, d.id, row_number() OVER (PARTITION BY d.tenant_id, d.endpoint_id ORDER BY d.not_before, d.id) AS place
      FROM ingestion_webhookdelivery d
      JOIN ingestion_webhookendpoint e ON e.tenant_id = d.tenant_id AND e.id = d.endpoint_id AND e.is_active
     WHERE d.state = 'waiting' AND d.not_before <= now() AND (d.lease_until IS NULL OR d.lease_until < now())
), due AS (
    SELECT d.tenant_id, d.id
      FROM ranked r JOIN ingestion_webhookdelivery d ON d.tenant_id = r.tenant_id AND d.id = r.id
     WHERE r.place <= %(each)s AND d.state = 'waiting' AND (d.lease_until IS NULL OR d.lease_until < now())
     ORDER BY d.not_before, d.id
     LIMIT %(most)s
       FOR UPDATE OF d SKIP LOCKED
)
UPDATE ingestion_webhookdelivery d
   SET lease_until = now() + %(lease)s, attempts = d.attempts + 1
  FROM due
 WHERE d.tenant_id = due.tenant_id AND d.id = due.id
RETURNING d.tenant_id, d.id

-- name: is_any_due
SELECT EXISTS (SELECT FROM ingestion_webhookdelivery d
                JOIN ingestion_webhookendpoint e ON e.tenant_id = d.tenant_id AND e.id = d.endpoint_id AND e.is_active
               WHERE d.state = 'waiting' AND d.not_before <= now() AND (d.lease_until IS NULL OR d.lease_until < now()))

-- name: forget
DELETE FROM ingestion_webhookdelivery WHERE state <> 'waiting' AND created_at < now() - %(kept)s

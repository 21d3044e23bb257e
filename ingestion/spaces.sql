-- name: lock_spaces
SELECT id, state FROM ingestion_embeddingspace WHERE tenant_id = %(tenant)s AND id = ANY(%(spaces)s) ORDER BY id FOR UPDATE

-- name: take_over
-- The old one first: one space serves at a time.
UPDATE ingestion_embeddingspace
   SET state = 'filling', served_until = now(), completed_at = now(), cursor = NULL, lease_until = NULL, lease_token = NULL
 WHERE tenant_id = %(tenant)s AND state = 'serving'

-- name: serve
UPDATE ingestion_embeddingspace SET state = 'serving', serves_next = false WHERE tenant_id = %(tenant)s AND id = %(space)s

-- name: missing_since
-- Are there passages of lately without a vector in the space? A passage's id tells when it was made.
-- Uses index: ingestion_chunk_pkey, ingestion_embedding_pkey
SELECT EXISTS (
    SELECT FROM ingestion_chunk c
     WHERE c.tenant_id = %(tenant)s AND c.id >= %(since)s AND c.valid_to IS NULL
       AND NOT EXISTS (SELECT FROM ingestion_embedding e
                        WHERE e.tenant_id = c.tenant_id AND e.space_id = %(space)s AND e.id = c.id))

-- name: chosen
-- Across tenants, as the operator. Spaces are few: one or two a tenant.
SELECT tenant_id, id, state FROM ingestion_embeddingspace
 WHERE state = 'retired' OR (state = 'filling' AND serves_next AND completed_at IS NOT NULL)

-- name: coverage
-- How many passages there are, how many tokens, and how many of them the space has. Costs a scan of the tenant.
-- Uses index: ingestion_embedding_pkey
SELECT count(*), COALESCE(sum(c.tokens), 0)::bigint, count(e.id),
       COALESCE(sum(c.tokens) FILTER (WHERE e.id IS NOT NULL), 0)::bigint
  FROM ingestion_chunk c
  LEFT JOIN ingestion_embedding e ON e.tenant_id = c.tenant_id AND e.space_id = %(space)s AND e.id = c.id
 WHERE c.tenant_id = %(tenant)s

-- name: delete_vectors
-- Uses index: ingestion_embedding_pkey
DELETE FROM ingestion_embedding e
 WHERE e.tenant_id = %(tenant)s AND e.space_id = %(space)s
   AND e.id = ANY(ARRAY(SELECT o.id FROM ingestion_embedding o
                         WHERE o.tenant_id = %(tenant)s AND o.space_id = %(space)s LIMIT %(most)s))

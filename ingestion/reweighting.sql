-- name: due
-- Collections are few, so this reads them all.
SELECT tenant_id, id FROM ingestion_collection
 WHERE bm25_k1 <> weighed_k1 OR bm25_b <> weighed_b OR title_weight <> weighed_title
    OR heading_weight <> weighed_heading OR next_k1 IS NOT NULL
 ORDER BY tenant_id, id

-- name: is_new
-- Locks, so that of two workers one begins after the other. Uses index: ingestion_collection_pkey
-- What a worker of the release before has begun has no weight of titles: it is begun anew.
SELECT next_k1 IS NULL OR next_k1 <> bm25_k1 OR next_b <> bm25_b
    OR next_title IS DISTINCT FROM title_weight OR next_heading IS DISTINCT FROM heading_weight
  FROM ingestion_collection
 WHERE tenant_id = %(tenant)s AND id = %(collection)s
   FOR NO KEY UPDATE

-- name: forget
-- Uses index: lexical_scan
UPDATE ingestion_lexicalentry SET next_weights = NULL
 WHERE tenant_id = %(tenant)s AND collection_id = %(collection)s AND next_weights IS NOT NULL

-- name: begin
UPDATE ingestion_collection
   SET next_k1 = bm25_k1, next_b = bm25_b, next_title = title_weight, next_heading = heading_weight
 WHERE tenant_id = %(tenant)s AND id = %(collection)s
RETURNING language, weighed_k1, weighed_b, weighed_title, weighed_heading, next_k1, next_b, next_title, next_heading

-- name: hold
-- While a batch is made nobody begins with other values, or switches: its weights would be of the wrong ones.
-- Uses index: ingestion_collection_pkey
SELECT 1 FROM ingestion_collection
 WHERE tenant_id = %(tenant)s AND id = %(collection)s AND weighed_k1 = %(k1)s AND weighed_b = %(b)s
   AND next_k1 = %(next_k1)s AND next_b = %(next_b)s AND weighed_title = %(title)s AND weighed_heading = %(heading)s
   AND next_title = %(next_title)s AND next_heading = %(next_heading)s
   FOR SHARE

-- name: entries
-- Closed ones as well: searches of the past read them. Uses index: ingestion_lexicalentry_pkey
SELECT id, weights::text, length, average_length FROM ingestion_lexicalentry
 WHERE tenant_id = %(tenant)s AND collection_id = %(collection)s AND id > %(after)s AND next_weights IS NULL
 ORDER BY id LIMIT %(most)s
   FOR UPDATE

-- name: titles
-- What stands above chunks, each looked up by its whole key. Uses index: ingestion_chunk_pkey, ingestion_documentversion_pkey
SELECT wanted.id, v.title, c.heading_path
  FROM unnest(%(ids)s::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
       SELECT version_id, heading_path FROM ingestion_chunk
        WHERE tenant_id = %(tenant)s AND id = wanted.id OFFSET 0) c
 CROSS JOIN LATERAL (
       SELECT title FROM ingestion_documentversion
        WHERE tenant_id = %(tenant)s AND id = c.version_id OFFSET 0) v

-- name: prepare
UPDATE ingestion_lexicalentry e SET next_weights = r.weights::sparsevec
  FROM unnest(%(ids)s::uuid[], %(weights)s::text[]) AS r (id, weights)
 WHERE e.tenant_id = %(tenant)s AND e.id = r.id

-- name: lock
SELECT pg_advisory_xact_lock(hashtextextended('weights ' || %(collection)s::text, 0))

-- name: still_wanted
-- Not FOR UPDATE: uploads refer to the collection, and need not wait.
SELECT 1 FROM ingestion_collection
 WHERE tenant_id = %(tenant)s AND id = %(collection)s AND bm25_k1 = %(next_k1)s AND bm25_b = %(next_b)s
   AND title_weight = %(next_title)s AND heading_weight = %(next_heading)s
   AND next_k1 = %(next_k1)s AND next_b = %(next_b)s AND weighed_k1 = %(k1)s AND weighed_b = %(b)s
   AND next_title = %(next_title)s AND next_heading = %(next_heading)s
   AND weighed_title = %(title)s AND weighed_heading = %(heading)s
   FOR NO KEY UPDATE

-- name: unprepared
-- Uses index: lexical_scan
SELECT 1 FROM ingestion_lexicalentry
 WHERE tenant_id = %(tenant)s AND collection_id = %(collection)s AND next_weights IS NULL
 LIMIT 1

-- name: switch_entries
UPDATE ingestion_lexicalentry SET weights = next_weights, next_weights = NULL
 WHERE tenant_id = %(tenant)s AND collection_id = %(collection)s AND next_weights IS NOT NULL

-- name: switch_collection
UPDATE ingestion_collection
   SET weighed_k1 = next_k1, weighed_b = next_b, weighed_title = next_title, weighed_heading = next_heading,
       next_k1 = NULL, next_b = NULL, next_title = NULL, next_heading = NULL
 WHERE tenant_id = %(tenant)s AND id = %(collection)s

-- name: progress
-- Uses index: lexical_scan
SELECT count(next_weights), count(*) FROM ingestion_lexicalentry
 WHERE tenant_id = %(tenant)s AND collection_id = %(collection)s

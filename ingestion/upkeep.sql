-- name: to_fold
-- Collections whose term counts have gathered many increments. Uses index: term_count_publications
SELECT tenant_id, collection_id FROM ingestion_termcount WHERE dimension = 0
 GROUP BY tenant_id, collection_id HAVING count(*) > %(most)s

-- name: fold
-- One statement, so that a reader sees either all increments or their sum. Terms with one row stay as they are.
WITH many AS (
    SELECT dimension FROM ingestion_termcount
     WHERE tenant_id = %(tenant)s AND collection_id = %(collection)s
     GROUP BY dimension HAVING count(*) > 1
), gone AS (
    DELETE FROM ingestion_termcount t USING many
     WHERE t.tenant_id = %(tenant)s AND t.collection_id = %(collection)s AND t.dimension = many.dimension
    RETURNING t.dimension, t.documents, t.length
)
INSERT INTO ingestion_termcount (tenant_id, id, collection_id, dimension, documents, length)
SELECT %(tenant)s, uuidv7(), %(collection)s, dimension, sum(documents), sum(length)
  FROM gone GROUP BY dimension HAVING dimension = 0 OR sum(documents) <> 0

-- name: to_reweigh
-- Collections whose average length has moved away from the one that their entries are weighted with.
SELECT c.tenant_id, c.id, sum(t.length)::float8 / sum(t.documents)
  FROM ingestion_collection c
  JOIN ingestion_termcount t ON t.tenant_id = c.tenant_id AND t.collection_id = c.id AND t.dimension = 0
 WHERE c.average_length IS NOT NULL AND c.next_k1 IS NULL AND c.bm25_k1 = c.weighed_k1 AND c.bm25_b = c.weighed_b
   AND c.title_weight = c.weighed_title AND c.heading_weight = c.weighed_heading
 GROUP BY c.tenant_id, c.id
HAVING sum(t.documents) > 0
   AND abs(c.average_length / GREATEST(1, sum(t.length)::float8 / sum(t.documents)) - 1) > %(drift)s

-- name: set_average
UPDATE ingestion_collection SET average_length = %(average)s
 WHERE tenant_id = %(tenant)s AND id = %(collection)s

-- name: share_weights
-- The lock that publications share, and that a switch to another k1 or b has alone.
SELECT pg_advisory_xact_lock_shared(hashtextextended('weights ' || %(collection)s::text, 0))

-- name: weighed
-- Uses index: ingestion_collection_pkey
SELECT weighed_k1, weighed_b FROM ingestion_collection
 WHERE tenant_id = %(tenant)s AND id = %(collection)s

-- name: entries
-- Entries that somebody is closing at this moment are left to the next round, so that nobody waits here.
SELECT id, weights::text, length, average_length FROM ingestion_lexicalentry
 WHERE tenant_id = %(tenant)s AND collection_id = %(collection)s AND id > %(after)s
   AND average_length <> %(average)s
 ORDER BY id LIMIT %(most)s
   FOR UPDATE SKIP LOCKED

-- name: rewrite
UPDATE ingestion_lexicalentry e
   SET weights = r.weights::sparsevec, average_length = %(average)s, next_weights = NULL
  FROM unnest(%(ids)s::uuid[], %(weights)s::text[]) AS r (id, weights)
 WHERE e.tenant_id = %(tenant)s AND e.id = r.id

-- name: lock_count
-- Two that recount at once would both add what is missing.
SELECT pg_advisory_xact_lock(hashtextextended('recount ' || %(collection)s::text, 0))

-- name: recount
-- What is missing from a collection's counts, or too much in them, as increments like any other: entries and counts are read
-- in one snapshot, and a publication writes both in one commit, so it needs no lock. Uses index: lexical_scan, term_count_lookup
WITH entries AS MATERIALIZED (
    SELECT weights::text AS weights, length FROM ingestion_lexicalentry
     WHERE tenant_id = %(tenant)s AND collection_id = %(collection)s AND valid_to IS NULL
), there AS (
    SELECT split_part(pair, ':', 1)::int AS dimension, count(*) AS documents, 0::bigint AS length
      FROM entries e, string_to_table(substring(e.weights FROM '{(.*)}'), ',') AS pair
     WHERE pair <> ''
     GROUP BY 1
    UNION ALL
    SELECT 0, count(*), COALESCE(sum(length), 0) FROM entries
), counted AS (
    SELECT dimension, sum(documents) AS documents, sum(length) AS length FROM ingestion_termcount
     WHERE tenant_id = %(tenant)s AND collection_id = %(collection)s
     GROUP BY dimension
), off AS (
    SELECT dimension, COALESCE(t.documents, 0) - COALESCE(c.documents, 0) AS documents,
           COALESCE(t.length, 0) - COALESCE(c.length, 0) AS length
      FROM there t FULL JOIN counted c USING (dimension)
)
INSERT INTO ingestion_termcount (tenant_id, id, collection_id, dimension, documents, length)
SELECT %(tenant)s, uuidv7(), %(collection)s, dimension, documents, length
  FROM off WHERE documents <> 0 OR length <> 0
RETURNING dimension

-- name: average
-- Uses index: term_count_publications
SELECT sum(length)::float8 / NULLIF(sum(documents), 0) FROM ingestion_termcount
 WHERE tenant_id = %(tenant)s AND collection_id = %(collection)s AND dimension = 0

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
 WHERE c.average_length IS NOT NULL
 GROUP BY c.tenant_id, c.id
HAVING sum(t.documents) > 0
   AND abs(c.average_length / GREATEST(1, sum(t.length)::float8 / sum(t.documents)) - 1) > %(drift)s

-- name: set_average
UPDATE ingestion_collection SET average_length = %(average)s
 WHERE tenant_id = %(tenant)s AND id = %(collection)s
RETURNING bm25_k1, bm25_b

-- name: entries
-- Entries that somebody is closing at this moment are left to the next round, so that nobody waits here.
SELECT id, weights::text, length, average_length FROM ingestion_lexicalentry
 WHERE tenant_id = %(tenant)s AND collection_id = %(collection)s AND id > %(after)s
   AND average_length <> %(average)s
 ORDER BY id LIMIT %(most)s
   FOR UPDATE SKIP LOCKED

-- name: rewrite
UPDATE ingestion_lexicalentry e
   SET weights = r.weights::sparsevec, average_length = %(average)s
  FROM unnest(%(ids)s::uuid[], %(weights)s::text[]) AS r (id, weights)
 WHERE e.tenant_id = %(tenant)s AND e.id = r.id

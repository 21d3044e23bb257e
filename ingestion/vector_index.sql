-- name: due
-- Partitions with a tenant for which a graph pays, by the counts that search keeps anyway and by the partition's current
-- rows, as their partial index counts them. Looks across tenants, as the operator. Each row that comes into a graph costs
-- about 1 ms: the first graph of a smaller tenant waits until its space is filled and nobody works on documents.
-- Uses index: run_leased
SELECT DISTINCT part.name, s.dimensions
  FROM (SELECT t.tenant_id, sum(t.documents) AS chunks FROM ingestion_termcount t WHERE t.dimension = 0
         GROUP BY t.tenant_id HAVING sum(t.documents) >= 1000) large
  JOIN ingestion_embeddingspace s ON s.tenant_id = large.tenant_id AND s.state <> 'retired'
 CROSS JOIN LATERAL (SELECT i.indrelid::regclass::text AS name, c.reltuples AS chunks
                       FROM pg_inherits h
                       JOIN pg_index i ON i.indexrelid = h.inhrelid
                       JOIN pg_class c ON c.oid = h.inhrelid
                      WHERE h.inhparent = 'embedding_scan'::regclass
                        AND i.indrelid = (SELECT e.tableoid FROM ingestion_embedding e
                                           WHERE e.tenant_id = large.tenant_id AND e.space_id = s.id LIMIT 1)) part
 WHERE footnote_graph_pays(large.chunks, part.chunks, s.dimensions)
   AND (large.chunks > %(any_time)s
        OR (s.state = 'serving' OR s.completed_at IS NOT NULL)
           AND NOT EXISTS (SELECT FROM ingestion_ingestionrun r WHERE r.lease_until IS NOT NULL))
 ORDER BY 1, 2

-- name: is_valid
SELECT i.indisvalid FROM pg_index i WHERE i.indexrelid = to_regclass(%(name)s)

-- name: is_prepared
SELECT to_regproc(replace(%(name)s, 'embedding_hnsw_', 'footnote_nearest_')) IS NOT NULL

-- name: prepare
-- The extension's settings are unknown, and so refused in a function, until its library is loaded by some use of it.
SELECT footnote_prepare_graph(%(partition)s::regclass, %(dimensions)s), '[1]'::halfvec IS NULL

-- name: lock
-- Of the session, as building an index concurrently is no transaction; gone with it.
SELECT pg_try_advisory_lock(hashtextextended('footnote vector index', 0))

-- name: unlock
SELECT pg_advisory_unlock(hashtextextended('footnote vector index', 0))

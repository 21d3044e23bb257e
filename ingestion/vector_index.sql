-- name: due
-- Partitions with a tenant that is large enough, by the counts that search keeps anyway. Looks across tenants, as the operator.
SELECT DISTINCT part.name, s.dimensions
  FROM (SELECT t.tenant_id FROM ingestion_termcount t WHERE t.dimension = 0
         GROUP BY t.tenant_id HAVING sum(t.documents) > %(least)s) large
  JOIN ingestion_embeddingspace s ON s.tenant_id = large.tenant_id AND s.state <> 'retired'
 CROSS JOIN LATERAL (SELECT e.tableoid::regclass::text AS name FROM ingestion_embedding e
                      WHERE e.tenant_id = large.tenant_id AND e.space_id = s.id LIMIT 1) part
 ORDER BY 1, 2

-- name: is_valid
SELECT i.indisvalid FROM pg_index i WHERE i.indexrelid = to_regclass(%(name)s)

-- name: lock
-- Of the session, as building an index concurrently is no transaction; gone with it.
SELECT pg_try_advisory_lock(hashtextextended('footnote vector index', 0))

-- name: unlock
SELECT pg_advisory_unlock(hashtextextended('footnote vector index', 0))

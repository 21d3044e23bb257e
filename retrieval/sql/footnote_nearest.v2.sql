-- name: footnote_nearest
-- The nearest rows by the partition's HNSW graph, which other tenants share: the scan goes on until enough of ours are
-- found (iterative), and filters are applied on the way. Not a definer of its own: it runs with the rights of
-- footnote_search, the only one who may call it. Sorting is priced out, so that the planner takes the graph.
-- Uses index: embedding_hnsw_...
CREATE FUNCTION footnote_nearest(
    query_vector halfvec, query_space uuid, tenant uuid, chosen uuid[], groups uuid[], all_read boolean,
    only_versions uuid[], depth integer)
RETURNS TABLE (id uuid, score double precision)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp
SET enable_sort = off
SET hnsw.iterative_scan = strict_order
SET hnsw.ef_search = 200
SET hnsw.max_scan_tuples = 40000
AS $$
BEGIN
    -- An index on a column without a dimension casts it; the cast's number must stand in the text of the statement.
    RETURN QUERY EXECUTE format($statement$
        SELECT e.id, -(e.vector::halfvec(%1$s) <#> $1::halfvec(%1$s)) AS score
          FROM ingestion_embedding e
         WHERE e.valid_to IS NULL AND vector_dims(e.vector) = %1$s
           AND e.tenant_id = $2 AND e.space_id = $3 AND e.collection_id = ANY ($4)
           AND ($5 OR e.reader_groups = '{}' OR e.reader_groups && $6)
           AND ($7 IS NULL OR e.version_id IN (SELECT unnest($7)))
         ORDER BY e.vector::halfvec(%1$s) <#> $1::halfvec(%1$s)
         LIMIT $8
    $statement$, vector_dims(query_vector))
    USING query_vector, tenant, query_space, chosen, all_read, groups, only_versions, depth;
END
$$;

-- name: footnote_graph
-- The tenant's partition, if it has a finished HNSW index for vectors of this size (ingestion.vector_index makes them) and
-- asking that pays for so many chunks of the tenant (footnote_graph_pays). Called by footnote_search alone.
CREATE FUNCTION footnote_graph(tenant uuid, chunks bigint, dimensions integer) RETURNS regclass
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT i.indrelid::regclass
      FROM pg_index i
      JOIN pg_class c ON c.oid = i.indexrelid
     WHERE i.indrelid = (SELECT e.tableoid FROM ingestion_embedding e WHERE e.tenant_id = tenant LIMIT 1)
       AND i.indisvalid AND c.relname LIKE 'embedding\_hnsw\_' || dimensions || '\_%'
       AND footnote_graph_pays(chunks, c.reltuples, dimensions)
$$;

-- name: footnote_nearest
-- The nearest rows by a partition's HNSW graph, which other tenants share: the scan goes on until enough of ours are
-- found (iterative), and filters are applied on the way. Not a definer of its own: it runs with the rights of
-- footnote_search, the only one who may call it. Sorting is priced out, so that the planner takes the graph.
-- The partition is named, since planning for all of them takes as long as half of the search; a small graph is searched
-- less widely: recall@10 is 0.998 at 5,183 rows with 120 candidates, 0.999 with 200 (docs/benchmarks.md).
-- Uses index: embedding_hnsw_...
CREATE FUNCTION footnote_nearest(
    part regclass, query_vector halfvec, query_space uuid, tenant uuid, chosen uuid[], groups uuid[], all_read boolean,
    only_versions uuid[], depth integer, OUT ids uuid[], OUT scores double precision[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp
SET enable_sort = off
SET hnsw.iterative_scan = strict_order
SET hnsw.ef_search = 200
SET hnsw.max_scan_tuples = 40000
AS $$
BEGIN
    IF (SELECT reltuples <= 10000 FROM pg_class WHERE oid = part) THEN
        PERFORM set_config('hnsw.ef_search', '120', true);
    END IF;
    -- An index on a column without a dimension casts it; the cast's number must stand in the text of the statement.
    EXECUTE format($statement$
        SELECT array_agg(n.id), array_agg(n.score)
          FROM (SELECT e.id, -(e.vector::halfvec(%1$s) <#> $1::halfvec(%1$s)) AS score
                  FROM %2$s e
                 WHERE e.valid_to IS NULL AND vector_dims(e.vector) = %1$s
                   AND e.tenant_id = $2 AND e.space_id = $3 AND e.collection_id = ANY ($4)
                   AND ($5 OR cardinality(e.reader_groups) = 0 OR e.reader_groups && $6)
                   %3$s
                 ORDER BY e.vector::halfvec(%1$s) <#> $1::halfvec(%1$s)
                 LIMIT $7) n
    $statement$, vector_dims(query_vector), part,
        CASE WHEN only_versions IS NOT NULL THEN 'AND e.version_id IN (SELECT unnest($8))' END)
    INTO ids, scores
    USING query_vector, tenant, query_space, chosen, all_read, groups, depth, only_versions;
END
$$;

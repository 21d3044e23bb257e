-- name: footnote_graph
-- The function that asks the HNSW graph of the tenant's partition (footnote_prepare_graph), if there is a finished graph for
-- vectors of this size and asking it pays for so many chunks (footnote_graph_pays). Called by footnote_search alone, with
-- its settings. The first row is asked for by the key's order: the planner takes the tenant for small, and would read all
-- of its keys.
-- Uses index: ingestion_embedding_pkey, pg_index_indrelid_index
CREATE FUNCTION footnote_graph(tenant uuid, space uuid, chunks bigint, dimensions integer) RETURNS regproc
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN (
        SELECT to_regproc(replace(c.relname, 'embedding_hnsw_', 'footnote_nearest_'))
          FROM pg_index i
          JOIN pg_class c ON c.oid = i.indexrelid
         WHERE i.indrelid = (SELECT e.tableoid FROM ingestion_embedding e
                              WHERE e.tenant_id = tenant AND e.space_id = space ORDER BY e.id LIMIT 1)
           AND i.indisvalid AND c.relname LIKE 'embedding\_hnsw\_' || dimensions || '\_%'
           AND footnote_graph_pays(chunks, c.reltuples, dimensions));
END
$$;

-- From how many chunks on a graph of vectors pays: one rule for whoever builds it and for the search that asks it.
--
-- Where it is the tenant's alone, a graph takes half the time of a scan from some 4,000 vectors on; of vectors that do
-- not fit into their rows, which a scan fetches one by one (TOAST), from 1,000 on. Where only a part of the graph is the
-- tenant's, so many more are passed by: it has to be larger in the same measure (docs/benchmarks.md has the figures).
CREATE FUNCTION footnote_graph_least(dimensions integer) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT CASE WHEN dimensions < 900 THEN 4000 ELSE 1000 END $$;
CREATE FUNCTION footnote_graph_pays(chunks double precision, neighbours double precision, dimensions integer)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT chunks >= c.least AND 2 * chunks * chunks >= c.least * GREATEST(neighbours, chunks)
      FROM (SELECT footnote_graph_least(dimensions) AS least) c
$$;
GRANT EXECUTE ON FUNCTION footnote_graph_least(integer) TO footnote_search, footnote_operator;
GRANT EXECUTE ON FUNCTION footnote_graph_pays(double precision, double precision, integer)
   TO footnote_search, footnote_operator;

-- Makes the function that asks one graph: footnote_nearest_<dimensions>_<partition>. Its statement names the partition
-- and the size of the vectors, as the index's expression does, so that it is planned once in a connection's life;
-- planning it for each search took a third of the time that the graph takes. Whoever builds a graph calls this
-- (ingestion.vector_index).
CREATE FUNCTION footnote_prepare_graph(part regclass, dimensions integer) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $make$
DECLARE
    arguments constant text := '(halfvec, uuid, uuid, uuid[], uuid[], boolean, uuid[], integer)';
    name      constant text := format('footnote_nearest_%s_%s', dimensions, substring(part::text FROM '\d+$'));
    -- The nearest rows, by the graph that other tenants share: the scan goes on until enough of ours are found
    -- (iterative), and filters are applied on the way. Sorting is priced out, so that the planner takes the graph.
    nearest   constant text := $query$
                SELECT array_agg(n.id), array_agg(n.score) INTO ids, scores
                  FROM (SELECT e.id, -(e.vector::halfvec(%2$s) <#> query_vector::halfvec(%2$s)) AS score
                          FROM %1$s e
                         WHERE e.valid_to IS NULL AND vector_dims(e.vector) = %2$s
                           AND e.tenant_id = tenant AND e.space_id = query_space AND e.collection_id = ANY (chosen)
                           AND (all_read OR cardinality(e.reader_groups) = 0 OR e.reader_groups && groups)
                           %3$s
                         ORDER BY e.vector::halfvec(%2$s) <#> query_vector::halfvec(%2$s)
                         LIMIT depth) n;
    $query$;
    -- Told IS TRUE, so that the versions are hashed and not joined row by row.
    filtered  constant text := 'AND (e.version_id IN (SELECT unnest(only_versions))) IS TRUE';
BEGIN
    -- Not a definer of its own: it runs with the rights of footnote_search, the only one who may call it.
    EXECUTE format($template$
        CREATE OR REPLACE FUNCTION %1$I(
            query_vector halfvec, query_space uuid, tenant uuid, chosen uuid[], groups uuid[], all_read boolean,
            only_versions uuid[], depth integer, OUT ids uuid[], OUT scores double precision[])
        LANGUAGE plpgsql STABLE
        SET search_path = pg_catalog, public, pg_temp
        SET enable_sort = off
        SET hnsw.iterative_scan = strict_order
        SET hnsw.ef_search = 200
        SET hnsw.max_scan_tuples = 40000
        AS $$
        BEGIN
            IF only_versions IS NULL THEN
                %2$s
            ELSE
                %3$s
            END IF;
        END
        $$ $template$, name, format(nearest, part, dimensions, ''), format(nearest, part, dimensions, filtered));
    EXECUTE format('ALTER FUNCTION %I%s OWNER TO footnote_search', name, arguments);
    EXECUTE format('REVOKE ALL ON FUNCTION %I%s FROM PUBLIC, footnote_app, footnote_operator', name, arguments);
END
$make$;
REVOKE ALL ON FUNCTION footnote_prepare_graph(regclass, integer) FROM PUBLIC, footnote_app, footnote_operator;

DO $$
DECLARE graph record;
BEGIN
    FOR graph IN SELECT i.indrelid::regclass AS part, split_part(c.relname, '_', 3)::integer AS dimensions
                   FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                  WHERE c.relname ~ '^embedding_hnsw_\d+_\d+$' LOOP
        PERFORM footnote_prepare_graph(graph.part, graph.dimensions);
    END LOOP;
END
$$;

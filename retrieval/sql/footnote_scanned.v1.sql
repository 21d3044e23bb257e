-- name: footnote_scanned_vectors
-- The nearest rows by a scan, for what a filter has let through and for the past. Called by footnote_search alone.
-- Uses index: embedding_scan, or embedding_version for a few versions
CREATE FUNCTION footnote_scanned_vectors(
    query_vector halfvec, query_space uuid, tenant uuid, chosen uuid[], groups uuid[], all_read boolean, few_versions uuid[],
    many_versions uuid[], as_of timestamptz, depth integer)
RETURNS TABLE (id uuid, score double precision)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT e.id, -e.distance
      FROM (SELECT e.id, e.vector <#> query_vector AS distance
              FROM ingestion_embedding e
             WHERE e.tenant_id = tenant AND e.space_id = query_space AND e.collection_id = ANY (chosen)
               AND (few_versions IS NULL OR e.version_id = ANY (few_versions))
               AND (many_versions IS NULL OR e.version_id IN (SELECT unnest(many_versions)))
               AND (all_read OR cardinality(e.reader_groups) = 0 OR e.reader_groups && groups)
               AND (as_of IS NULL AND e.valid_to IS NULL
                    OR as_of IS NOT NULL AND e.valid_from <= as_of AND (e.valid_to IS NULL OR e.valid_to > as_of))
            OFFSET 0) e
     ORDER BY e.distance
     LIMIT depth;
END
$$;

-- name: footnote_scanned_words
-- The same for words. A row's weights hold no idf, so that statistics may grow without rewriting it.
-- Uses index: lexical_scan, or lexical_version for a few versions
CREATE FUNCTION footnote_scanned_words(
    question sparsevec, tenant uuid, chosen uuid[], groups uuid[], all_read boolean, few_versions uuid[],
    many_versions uuid[], as_of timestamptz, depth integer)
RETURNS TABLE (id uuid, score double precision)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT e.id, -e.distance
      FROM (SELECT e.id, e.weights <#> question AS distance
              FROM ingestion_lexicalentry e
             WHERE e.tenant_id = tenant AND e.collection_id = ANY (chosen)
               AND (few_versions IS NULL OR e.version_id = ANY (few_versions))
               AND (many_versions IS NULL OR e.version_id IN (SELECT unnest(many_versions)))
               AND (all_read OR cardinality(e.reader_groups) = 0 OR e.reader_groups && groups)
               AND (as_of IS NULL AND e.valid_to IS NULL
                    OR as_of IS NOT NULL AND e.valid_from <= as_of AND (e.valid_to IS NULL OR e.valid_to > as_of))
            OFFSET 0) e
     ORDER BY e.distance
     LIMIT depth;
END
$$;

-- name: footnote_has_graph
-- Whether the tenant's partition has a finished HNSW index for vectors of this size (ingestion.vector_index makes them and
-- names them so). By the catalogue alone: to look for a row of the tenant may read all of the partition.
-- Called by footnote_search alone.
CREATE FUNCTION footnote_has_graph(tenant uuid, dimensions integer) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM generate_series(0, 15) AS part
          JOIN pg_class c ON c.relnamespace = 'public'::regnamespace
                         AND c.relname = 'embedding_hnsw_' || dimensions || '_' || lpad(part::text, 2, '0')
          JOIN pg_index i ON i.indexrelid = c.oid AND i.indisvalid
         WHERE satisfies_hash_partition('ingestion_embedding'::regclass, 16, part, tenant))
$$;

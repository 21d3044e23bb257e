-- name: footnote_scanned_vectors
-- The nearest rows by a scan, for what a filter has let through and for the past. Called by footnote_search alone.
-- Uses index: embedding_scan, or embedding_version for a few versions
-- With a few versions the other conditions are told IS TRUE, so that no index answers to them: the planner takes tenant,
-- space and collection for independent, a collection of thousands for one row, and would read it whole for two versions.
CREATE OR REPLACE FUNCTION footnote_scanned_vectors(
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
             WHERE e.tenant_id = tenant
               AND (few_versions IS NULL AND e.space_id = query_space AND e.collection_id = ANY (chosen)
                    OR few_versions IS NOT NULL AND e.version_id = ANY (few_versions)
                       AND (e.space_id = query_space) IS TRUE AND (e.collection_id = ANY (chosen)) IS TRUE)
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
CREATE OR REPLACE FUNCTION footnote_scanned_words(
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
             WHERE e.tenant_id = tenant
               AND (few_versions IS NULL AND e.collection_id = ANY (chosen)
                    OR few_versions IS NOT NULL AND e.version_id = ANY (few_versions)
                       AND (e.collection_id = ANY (chosen)) IS TRUE)
               AND (many_versions IS NULL OR e.version_id IN (SELECT unnest(many_versions)))
               AND (all_read OR cardinality(e.reader_groups) = 0 OR e.reader_groups && groups)
               AND (as_of IS NULL AND e.valid_to IS NULL
                    OR as_of IS NOT NULL AND e.valid_from <= as_of AND (e.valid_to IS NULL OR e.valid_to > as_of))
            OFFSET 0) e
     ORDER BY e.distance
     LIMIT depth;
END
$$;

-- name: footnote_place
-- What the asker may search, and in which embedding space: one row per readable collection. It runs as whoever calls it, so
-- that the policies filter; it is a function so that it is planned once in a connection's life and not for each search.
-- A private collection is searched only where it is named. With `stated` sum and number of a collection's increments and of
-- the tenant's (ingestion.generations): what the documents were before the search.
-- Uses index: ingestion_collection_pkey, space_one_serving, corpus_change_lookup
CREATE FUNCTION footnote_place(tenant uuid, wanted uuid[], stated boolean)
RETURNS TABLE (
    collection_id uuid, language text, changes numeric[], tenant_changes numeric[],
    space_id uuid, model text, dimensions integer, specification text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT c.id, c.language::text,
           CASE WHEN stated THEN
                (SELECT ARRAY[sum(g.amount), count(*)] FROM ingestion_corpuschange g
                  WHERE g.tenant_id = c.tenant_id AND g.collection_id = c.id) END,
           CASE WHEN stated THEN
                (SELECT ARRAY[sum(g.amount), count(*)] FROM ingestion_corpuschange g
                  WHERE g.tenant_id = tenant AND g.collection_id IS NULL) END,
           s.id, s.model::text, s.dimensions::integer, s.specification::text
      FROM ingestion_collection c
      LEFT JOIN ingestion_embeddingspace s ON s.tenant_id = c.tenant_id AND s.state = 'serving'
     WHERE c.tenant_id = tenant AND (c.id = ANY (wanted) OR (wanted IS NULL AND c.private_to IS NULL));
END
$$;

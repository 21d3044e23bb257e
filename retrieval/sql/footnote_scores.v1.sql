-- name: footnote_scores
-- Both scores of one passage that neither list of candidates holds: the page before (footnote_search).
-- Runs with the rights of footnote_search, the only one who may call it.
-- Uses index: ingestion_embedding_pkey, ingestion_lexicalentry_pkey
CREATE FUNCTION footnote_scores(
    query_vector halfvec, query_space uuid, question sparsevec, tenant uuid, chunk uuid,
    OUT cosine double precision, OUT bm25 double precision)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    SELECT -(e.vector <#> query_vector) INTO cosine
      FROM ingestion_embedding e
     WHERE e.tenant_id = tenant AND e.space_id = query_space AND e.id = chunk;
    SELECT -(e.weights <#> question) INTO bm25
      FROM ingestion_lexicalentry e
     WHERE e.tenant_id = tenant AND e.id = chunk;
END
$$;

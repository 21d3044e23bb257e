-- name: place
-- What the principal may search, and in which embedding space. One row per readable collection; the policies filter.
-- Uses index: ingestion_collection_pkey, space_one_serving
SELECT c.id, c.language, s.id, s.model, s.dimensions
  FROM ingestion_collection c
  LEFT JOIN ingestion_embeddingspace s ON s.tenant_id = c.tenant_id AND s.state = 'serving'
 WHERE c.tenant_id = %(tenant)s::uuid
   AND (%(wanted)s::uuid[] IS NULL OR c.id = ANY (%(wanted)s::uuid[]))

-- name: search
-- Uses index: those of footnote_search, which filters by tenant, collections, reader groups and validity inside.
SELECT * FROM footnote_search(
    %(vector)s::halfvec, %(space)s::uuid,
    %(dimensions)s::integer[], %(counts)s::integer[],
    %(trust)s::double precision, %(collections)s::uuid[], %(as_of)s::timestamptz, %(depth)s::integer, %(cut)s::integer)

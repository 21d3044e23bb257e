-- name: place
-- Uses index: those of footnote_place, under the policies.
SELECT * FROM footnote_place(%(tenant)s, %(wanted)s::uuid[], %(stated)s)

-- name: search
-- `versions` is NULL, or an array of those that a filter lets through (retrieval.filters), found under the policies.
-- Uses index: those of footnote_search, which filters by tenant, collections, reader groups and validity inside.
SELECT * FROM footnote_search(
    %(vector)s::halfvec, %(space)s::uuid,
    %(dimensions)s::integer[], %(counts)s::integer[],
    %(trust)s::double precision, %(collections)s::uuid[], {versions}, %(as_of)s::timestamptz, %(depth)s::integer, %(cut)s::integer)

-- name: facets
-- What facets are counted from. Uses index: ingestion_document_pkey, ingestion_collection_pkey
SELECT c.slug, c.name, d.media_type, d.metadata -> 'author', d.metadata -> 'tags', d.metadata -> 'date'
  FROM ingestion_document d
  JOIN ingestion_collection c ON c.tenant_id = d.tenant_id AND c.id = d.collection_id
 WHERE d.tenant_id = %(tenant)s AND d.id = ANY (%(documents)s::uuid[])

-- name: drift
-- Per collection: passages as counted, the average length that weights were made with, the real one, passages as indexed.
-- Uses index: term_count_lookup, lexical_scan
SELECT c.id, c.name, n.passages, c.average_length, n.terms / greatest(n.passages, 1)::double precision, e.entries
  FROM ingestion_collection c
 CROSS JOIN LATERAL (
       SELECT COALESCE(sum(t.documents), 0)::bigint AS passages, COALESCE(sum(t.length), 0) AS terms
         FROM ingestion_termcount t
        WHERE t.tenant_id = c.tenant_id AND t.collection_id = c.id AND t.dimension = 0) n
 CROSS JOIN LATERAL (
       SELECT count(*) AS entries FROM ingestion_lexicalentry e
        WHERE e.tenant_id = c.tenant_id AND e.collection_id = c.id AND e.valid_to IS NULL) e
 WHERE c.tenant_id = %(tenant)s AND c.private_to IS NULL
 ORDER BY c.name, c.id

-- name: neighbours
-- The chunks around some, in the same version: one across a heading, a few within a section. The policies filter.
-- Uses index: ingestion_chunk_pkey, chunk_order
SELECT r.id, n.id, n.ordinal - r.ordinal, n.page, n.page_end, n.text, n.heading_path, n.span_start, n.span_end
  FROM ingestion_chunk r
  JOIN ingestion_chunk n ON n.tenant_id = r.tenant_id AND n.version_id = r.version_id
   AND n.ordinal BETWEEN r.ordinal - %(reach)s AND r.ordinal + %(reach)s
 WHERE r.tenant_id = %(tenant)s::uuid AND n.tenant_id = %(tenant)s::uuid
   AND r.id = ANY (%(chunks)s::uuid[]) AND n.id <> r.id
   AND (abs(n.ordinal - r.ordinal) = 1 OR n.heading_path = r.heading_path)
   AND (%(as_of)s::timestamptz IS NULL AND n.valid_to IS NULL
        OR n.valid_from <= %(as_of)s::timestamptz AND (n.valid_to IS NULL OR n.valid_to > %(as_of)s::timestamptz))

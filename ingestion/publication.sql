-- name: lock_documents
-- Every writer locks documents first, in this order.
SELECT id FROM ingestion_document
 WHERE tenant_id = %(tenant)s AND id = ANY(%(documents)s) ORDER BY id FOR UPDATE

-- name: still_ours
-- The fence: runs that this worker still has the lease of, whose version is still the newest of a living document.
-- A run that has ended has no lease; naming its state as well would only tempt the planner into a partial index.
-- Each row is looked up by its whole key, whatever the planner believes of the tenant's size: OFFSET 0 and locks keep
-- the subqueries from being joined in another order. Runs and versions stay where they are until the publication's end.
SELECT r.id, d.reader_groups, d.current_version_id
  FROM unnest(%(runs)s::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
       SELECT id, document_id, version_id FROM ingestion_ingestionrun
        WHERE tenant_id = %(tenant)s AND id = wanted.id AND lease_token = %(token)s
          FOR UPDATE) r
 CROSS JOIN LATERAL (
       SELECT reader_groups, current_version_id FROM ingestion_document
        WHERE tenant_id = %(tenant)s AND id = r.document_id AND deleted_at IS NULL OFFSET 0) d
 CROSS JOIN LATERAL (
       SELECT number FROM ingestion_documentversion
        WHERE tenant_id = %(tenant)s AND id = r.version_id
          FOR NO KEY UPDATE) v
 WHERE NOT EXISTS (SELECT FROM ingestion_documentversion newer
                    WHERE newer.tenant_id = %(tenant)s AND newer.document_id = r.document_id
                      AND newer.number > v.number OFFSET 0)

-- name: lock_serving
-- Held until the publication's end: a switch waits for it, so no passage is published into a space that no longer serves.
-- Uses index: space_one_serving
SELECT id FROM ingestion_embeddingspace WHERE tenant_id = %(tenant)s AND state = 'serving' FOR SHARE

-- name: open_versions
SELECT id FROM ingestion_documentversion
 WHERE tenant_id = %(tenant)s AND document_id = ANY(%(documents)s)
   AND valid_from IS NOT NULL AND valid_to IS NULL

-- name: close_versions
UPDATE ingestion_documentversion SET valid_to = now()
 WHERE tenant_id = %(tenant)s AND id = ANY(%(versions)s)

-- name: close_chunks
UPDATE ingestion_chunk SET valid_to = now()
 WHERE tenant_id = %(tenant)s AND version_id = ANY(%(versions)s) AND valid_to IS NULL

-- name: close_embeddings
UPDATE ingestion_embedding SET valid_to = now()
 WHERE tenant_id = %(tenant)s AND version_id = ANY(%(versions)s) AND valid_to IS NULL

-- name: close_lexical
UPDATE ingestion_lexicalentry SET valid_to = now()
 WHERE tenant_id = %(tenant)s AND version_id = ANY(%(versions)s) AND valid_to IS NULL
RETURNING collection_id, weights::text, length

-- name: delete_lexical
-- Uses index: lexical_version
DELETE FROM ingestion_lexicalentry WHERE tenant_id = %(tenant)s AND version_id = ANY(%(versions)s)

-- name: delete_embeddings
-- Uses index: embedding_version
DELETE FROM ingestion_embedding WHERE tenant_id = %(tenant)s AND version_id = ANY(%(versions)s)

-- name: delete_chunks
-- Uses index: chunk_order
DELETE FROM ingestion_chunk WHERE tenant_id = %(tenant)s AND version_id = ANY(%(versions)s)

-- name: insert_chunks
INSERT INTO ingestion_chunk (tenant_id, id, collection_id, document_id, version_id, ordinal, text, heading_path,
                             page, page_end, span_start, span_end, tokens, content_hash, reader_groups, valid_from)
SELECT %(tenant)s, r.id, r.collection, r.document, r.version, r.ordinal, r.text, r.heading_path,
       r.page, r.page_end, r.span_start, r.span_end, r.tokens, r.content_hash, r.reader_groups, now()
  FROM jsonb_to_recordset(%(rows)s) AS r (
       id uuid, collection uuid, document uuid, version uuid, ordinal int, text text, heading_path text[],
       page int, page_end int, span_start int, span_end int, tokens int, content_hash bytea, reader_groups uuid[])

-- name: insert_embeddings
INSERT INTO ingestion_embedding (tenant_id, id, space_id, collection_id, version_id, vector, reader_groups, valid_from)
SELECT %(tenant)s, r.id, %(space)s, r.collection, r.version, r.vector, r.groups::uuid[], now()
  FROM unnest(%(ids)s::uuid[], %(collections)s::uuid[], %(versions)s::uuid[], %(groups)s::text[], %(vectors)s::halfvec[])
       AS r (id, collection, version, groups, vector)

-- name: insert_lexical
INSERT INTO ingestion_lexicalentry (tenant_id, id, collection_id, version_id, weights, length, average_length,
                                    reader_groups, valid_from)
SELECT %(tenant)s, r.id, r.collection, r.version, r.weights::sparsevec, r.length, r.average, r.groups::uuid[], now()
  FROM unnest(%(ids)s::uuid[], %(collections)s::uuid[], %(versions)s::uuid[], %(groups)s::text[], %(weights)s::text[],
              %(lengths)s::int[], %(averages)s::float8[])
       AS r (id, collection, version, groups, weights, length, average)

-- name: share_weights
-- Publications share these locks; who changes what a collection is weighted with waits for them, and they for it.
SELECT pg_advisory_xact_lock_shared(hashtextextended('weights ' || k, 0)) FROM unnest(%(collections)s::text[]) AS k ORDER BY k

-- name: collection_sizes
-- Uses index: term_count_publications
SELECT c.id, c.language, c.weighed_k1, c.weighed_b, c.weighed_title, c.weighed_heading, c.average_length,
       COALESCE(sum(t.documents), 0)::bigint, COALESCE(sum(t.length), 0)::bigint
  FROM ingestion_collection c
  LEFT JOIN ingestion_termcount t
    ON t.tenant_id = c.tenant_id AND t.collection_id = c.id AND t.dimension = 0
 WHERE c.tenant_id = %(tenant)s AND c.id = ANY(%(collections)s)
 GROUP BY c.tenant_id, c.id

-- name: set_average
UPDATE ingestion_collection SET average_length = %(average)s
 WHERE tenant_id = %(tenant)s AND id = %(collection)s AND average_length IS NULL

-- name: count_terms
INSERT INTO ingestion_termcount (tenant_id, id, collection_id, dimension, documents, length)
SELECT %(tenant)s, uuidv7(), %(collection)s, r.dimension, r.documents, r.length
  FROM unnest(%(dimensions)s::int[], %(documents)s::int[], %(lengths)s::bigint[])
       AS r (dimension, documents, length)

-- name: publish_versions
-- These three go to rows that this transaction has locked, so their place (ctid) cannot change; a join by id would
-- read all the tenant's rows.
UPDATE ingestion_documentversion v
   SET title = r.title, text = r.text, page_spans = r.page_spans, blocks = r.blocks, warnings = r.warnings,
       media_type = r.media_type, parser = r.parser, valid_from = now(), valid_to = NULL
  FROM jsonb_to_recordset(%(rows)s) AS r (
       version uuid, title text, text text, page_spans jsonb, blocks jsonb, warnings jsonb, media_type text, parser text)
 CROSS JOIN LATERAL (
       SELECT ctid FROM ingestion_documentversion
        WHERE tenant_id = %(tenant)s AND id = r.version OFFSET 0) place
 WHERE v.tenant_id = %(tenant)s AND v.ctid = place.ctid

-- name: publish_documents
UPDATE ingestion_document d
   SET current_version_id = r.version, title = COALESCE(NULLIF(d.fixed_title, ''), r.title), media_type = r.media_type, pages = r.pages,
       chunks = r.chunks, metadata = r.metadata || d.metadata, state = 'ready',
       reason_code = '', reason = '', remedy = '', updated_at = now()
  FROM jsonb_to_recordset(%(rows)s) AS r (
       document uuid, version uuid, title text, media_type text, pages int, chunks int, metadata jsonb)
 CROSS JOIN LATERAL (
       SELECT ctid FROM ingestion_document
        WHERE tenant_id = %(tenant)s AND id = r.document OFFSET 0) place
 WHERE d.tenant_id = %(tenant)s AND d.ctid = place.ctid

-- name: finish_runs
UPDATE ingestion_ingestionrun i
   SET state = 'ready', lease_token = NULL, lease_until = NULL, pages = r.pages, chunks = r.chunks,
       chunks_done = r.chunks, stages = r.stages, reason_code = '', reason = '', remedy = '', finished_at = now()
  FROM jsonb_to_recordset(%(rows)s) AS r (run uuid, pages int, chunks int, stages jsonb)
 CROSS JOIN LATERAL (
       SELECT ctid FROM ingestion_ingestionrun
        WHERE tenant_id = %(tenant)s AND id = r.run OFFSET 0) place
 WHERE i.tenant_id = %(tenant)s AND i.ctid = place.ctid

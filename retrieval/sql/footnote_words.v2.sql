-- name: footnote_words
-- The chunks with the highest BM25 scores among those that the asker may find: exactly `depth` of them, or all that hold a
-- term of the question. Merged ones by the postings, then scored by their own row as it is now; the others by a scan.
-- Runs with the rights of footnote_search, the only one who may call it. Current chunks alone.
-- Uses index: lexical_slot, lexical_unmerged
CREATE FUNCTION footnote_words(
    question sparsevec, dimensions integer[], weights double precision[], most double precision, tenant uuid,
    chosen uuid[], groups uuid[], all_read boolean, many_versions uuid[], depth integer)
RETURNS TABLE (id uuid, score double precision)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    -- Up to three in ten may be closed (ingestion.postings); what a filter lets through is less.
    wanted   integer := (depth + depth / 4 + 20) * CASE WHEN many_versions IS NULL THEN 1 ELSE 2 END;
    places   integer[];
    complete boolean := NOT EXISTS (SELECT FROM ingestion_postingswindow w
                                     WHERE w.tenant_id = tenant AND w.collection_ids && chosen);
    ids      uuid[];
    scores   double precision[];
BEGIN
    -- Closed chunks and those that the asker may not see are in the postings as well: where they crowd out the others,
    -- more are taken, and in the end all are scanned.
    WHILE NOT complete AND COALESCE(cardinality(ids), 0) < depth LOOP
        IF wanted > 20 * depth + 2000 THEN
            RETURN QUERY
            SELECT w.id, w.score
              FROM footnote_scanned_words(question, tenant, chosen, groups, all_read, NULL, many_versions, NULL, depth) w;
            RETURN;
        END IF;
        SELECT s.slots, s.complete INTO places, complete
          FROM footnote_slots(tenant, chosen, dimensions, weights, most, wanted) s;
        SELECT array_agg(e.id), array_agg(-(e.weights <#> question)) INTO ids, scores
          FROM ingestion_lexicalentry e
         WHERE e.tenant_id = tenant AND e.slot = ANY (places) AND e.valid_to IS NULL AND e.collection_id = ANY (chosen)
           AND (all_read OR cardinality(e.reader_groups) = 0 OR e.reader_groups && groups)
           AND (many_versions IS NULL OR e.version_id IN (SELECT unnest(many_versions)));
        wanted := wanted * 8;
    END LOOP;
    RETURN QUERY
    SELECT f.id, f.score
      FROM (SELECT u.id, u.score FROM unnest(ids, scores) AS u (id, score)
            UNION ALL
            (SELECT e.id, -e.distance
               FROM (SELECT e.id, e.weights <#> question AS distance
                       FROM ingestion_lexicalentry e
                      WHERE e.tenant_id = tenant AND e.collection_id = ANY (chosen)
                        AND e.valid_to IS NULL AND e.slot IS NULL
                        AND (all_read OR cardinality(e.reader_groups) = 0 OR e.reader_groups && groups)
                        AND (many_versions IS NULL OR e.version_id IN (SELECT unnest(many_versions)))
                     OFFSET 0) e
              ORDER BY e.distance
              LIMIT depth)) f
     WHERE f.score > 0
     ORDER BY f.score DESC, f.id
     LIMIT depth;
END
$$;

-- name: footnote_level
-- A vector of one number, many times over: what a term's impacts are multiplied by, or all sums are compared with.
-- Doubling is ten times faster than filling.
CREATE FUNCTION footnote_level(number double precision, size integer) RETURNS vector
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    level vector := array_fill(number::real, ARRAY[(size + 31) / 32])::vector;
BEGIN
    FOR doubling IN 1..5 LOOP
        level := level || level;
    END LOOP;
    RETURN subvector(level, 1, size);
END
$$;

-- name: footnote_slots
-- The slots of the chunks with the highest BM25 scores: at least `wanted` of them, or all that hold a term of the question.
--
-- A window's postings of a term are a sparse vector over its slots. Made dense, multiplied by the term's weight and added
-- up they are the scores of all its chunks, in about 2 ns for each chunk and term: by pgvector's own loops, not by the
-- executor's rows. A level is then sought that between `wanted` and three times as many scores exceed: what lies above
-- it becomes bits, which are counted at no cost, and at the end the lengths of the gaps between them are the places.
--
--   dimensions, weights   the question's terms that some chunk holds, with idf
--   most                  how many chunks hold any of them, at most
-- Uses index: ingestion_posting_pkey, by the window's number and the term's dimension
CREATE FUNCTION footnote_slots(
    tenant uuid, chosen uuid[], dimensions integer[], weights double precision[], most double precision, wanted integer,
    OUT slots integer[], OUT complete boolean)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_material = off
AS $$
#variable_conflict use_column
DECLARE
    size constant integer := (SELECT max(w.slots) FROM ingestion_postingswindow w
                               WHERE w.tenant_id = tenant AND w.collection_ids && chosen);
    mass constant double precision := (SELECT sum(weight) FROM unnest(weights) AS weight);
BEGIN
    WITH RECURSIVE
    term AS MATERIALIZED (
        SELECT lpad(to_hex(t.dimension), 8, '0') || '0000000000000000' AS tail, footnote_level(t.weight, size) AS level
          FROM unnest(dimensions, weights) AS t (dimension, weight)
    ),
    summed AS MATERIALIZED (
        SELECT w.first_slot, w.slots,
               (SELECT sum(p.impacts::vector
                           * CASE WHEN w.slots = size THEN t.level ELSE subvector(t.level, 1, w.slots) END)
                  FROM term t
                  JOIN ingestion_posting p
                    ON p.tenant_id = tenant AND p.id = (lpad(to_hex(w.number), 8, '0') || t.tail)::uuid) AS scores
          FROM ingestion_postingswindow w
         WHERE w.tenant_id = tenant AND w.collection_ids && chosen
    ),
    -- Halving: `low` is exceeded by too many scores (or is nought), `high` by too few.
    sought AS (
        SELECT 0 AS step, 0::double precision AS low, mass AS high,
               CASE WHEN most <= 3 * wanted THEN 0 ELSE 0.3 * mass END AS level, -1::bigint AS found
        UNION ALL
        SELECT s.step + 1,
               CASE WHEN n.found > 3 * wanted THEN s.level ELSE s.low END,
               CASE WHEN n.found < wanted THEN s.level ELSE s.high END,
               CASE WHEN n.found > 3 * wanted THEN (s.level + s.high) / 2
                    WHEN n.found < wanted THEN (s.level + s.low) / 2 ELSE s.level END,
               n.found
          FROM sought s,
               LATERAL (SELECT footnote_level(s.level, size) AS level OFFSET 0) l,
               LATERAL (SELECT sum(bit_count(binary_quantize(
                                   m.scores - CASE WHEN m.slots = size THEN l.level
                                                   ELSE subvector(l.level, 1, m.slots) END)))::bigint AS found
                          FROM summed m WHERE m.scores IS NOT NULL) n
         WHERE s.step < 16 AND s.level > 0 AND (s.step = 0 OR s.found NOT BETWEEN wanted AND 3 * wanted)
    ),
    -- Where scores tie at the level, more come than were asked for.
    settled AS MATERIALIZED (
        SELECT CASE WHEN s.step = 0 OR s.found BETWEEN wanted AND 3 * wanted THEN s.level ELSE s.low END AS level
          FROM sought s ORDER BY s.step DESC LIMIT 1
    ),
    bits AS MATERIALIZED (
        SELECT m.first_slot, m.slots,
               binary_quantize(m.scores - footnote_level((SELECT level FROM settled), m.slots)) AS bits
          FROM summed m
         WHERE m.scores IS NOT NULL
    )
    SELECT array_agg(b.first_slot + g.place - 1), (SELECT level = 0 FROM settled)
      INTO slots, complete
      FROM bits b,
           LATERAL (SELECT (sum(length(t.zeros) + 1) OVER (ORDER BY t.ordinal ROWS UNBOUNDED PRECEDING))::integer AS place
                      FROM string_to_table(b.bits::text, '1') WITH ORDINALITY AS t (zeros, ordinal)) g
     WHERE bit_count(b.bits) > 0 AND g.place <= b.slots;
END
$$;

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
    wanted   integer := depth + depth / 4 + 20;
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

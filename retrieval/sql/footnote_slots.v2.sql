-- name: footnote_slots
-- The slots of the chunks with the highest BM25 scores: at least `wanted` of them, or all that hold a term of the question.
--
-- A window's postings of a term are a sparse vector over its slots. Made dense, multiplied by the term's weight and added
-- up they are the scores of all its chunks, in about 2 ns for each chunk and term: by pgvector's own loops, not by the
-- executor's rows. A level is then sought that between `wanted` and half as many more scores exceed, or three times
-- as many: where a step takes long, because there are more than a few windows, and where other collections are in them,
-- whose chunks fall out afterwards. What lies above it becomes bits, which are counted at no cost, and at the end the
-- lengths of the gaps between them are the places.
--
-- The level is sought where it would be if the logarithm of how many exceed it fell evenly between the nearest levels known
-- on either side, which takes three steps as a rule.
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
    size integer;
    enough double precision;
    mass constant double precision := (SELECT sum(weight) FROM unnest(weights) AS weight);
BEGIN
    SELECT max(w.slots), wanted * CASE WHEN count(*) > 4 OR bool_or(NOT w.collection_ids <@ chosen) THEN 3 ELSE 1.5 END
      INTO size, enough
      FROM ingestion_postingswindow w
     WHERE w.tenant_id = tenant AND w.collection_ids && chosen;
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
    -- `low` is exceeded by too many scores (or is nought), `high` by too few; and by how many.
    sought AS (
        SELECT 0 AS step, 0::double precision AS low, mass AS high, most AS at_low, 0.5::double precision AS at_high,
               CASE WHEN most <= 3 * wanted THEN 0 ELSE 0.2 * mass END AS level, -1::bigint AS found
        UNION ALL
        SELECT s.step + 1, b.low, b.high, b.at_low, b.at_high,
               CASE WHEN n.found BETWEEN wanted AND enough THEN s.level
                    WHEN s.step > 5 THEN CASE WHEN b.low = 0 THEN b.high / 8 ELSE (b.low + b.high) / 2 END
                    ELSE b.low + (b.high - b.low) * LEAST(0.9, GREATEST(0.1,
                         ln(b.at_low / sqrt(wanted * enough)) / ln(b.at_low / b.at_high))) END,
               n.found
          FROM sought s,
               LATERAL (SELECT footnote_level(s.level, size) AS level OFFSET 0) l,
               LATERAL (SELECT sum(bit_count(binary_quantize(
                                   m.scores - CASE WHEN m.slots = size THEN l.level
                                                   ELSE subvector(l.level, 1, m.slots) END)))::bigint AS found
                          FROM summed m WHERE m.scores IS NOT NULL) n,
               LATERAL (SELECT CASE WHEN n.found > enough THEN s.level ELSE s.low END AS low,
                               CASE WHEN n.found > enough THEN n.found ELSE s.at_low END AS at_low,
                               CASE WHEN n.found < wanted THEN s.level ELSE s.high END AS high,
                               CASE WHEN n.found < wanted THEN GREATEST(n.found, 0.5) ELSE s.at_high END AS at_high) b
         WHERE s.step < 16 AND s.level > 0 AND (s.step = 0 OR s.found NOT BETWEEN wanted AND enough)
    ),
    -- Where scores tie at the level, more come than were asked for.
    settled AS MATERIALIZED (
        SELECT CASE WHEN s.step = 0 OR s.found BETWEEN wanted AND enough THEN s.level ELSE s.low END AS level
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

-- name: footnote_search
-- Hybrid search in the current tenant, as the current principal: dense and lexical candidates, fused by their scores.
--
-- Owned by footnote_search (BYPASSRLS), because a policy stops the planner from pruning partitions and from costing the
-- filters; so this is the one place where isolation is by hand. Every table below is filtered by `tenant`, and each
-- searched row by collection, reader groups and validity, before the cut.
--
--   query_vector       the embedded question, of unit length; NULL leaves the dense side out
--   query_space        the embedding space that it belongs to
--   term_dimensions,   the question's hashed terms, each once, and how often each is asked
--   term_counts
--   lexical_trust      weight of the lexical side: 1 where the model knows the question's words, more where it does not
--   wanted             collections; NULL takes all that the principal may read
--   only_versions      versions of documents that a filter has let through; NULL filters nothing, and none finds nothing
--   as_of              NULL: what is current
--   depth              candidates of each side; fused is what either side found
--   cut                rows returned
--
-- Fusion: every candidate that may be returned gets both scores exactly, whichever side found it, so that a passage is
-- not punished for having missed one list (but for what a graph of vectors overlooks although it is among the ten
-- nearest). The cosine counts by how far it stands above the hundredth of that side, damped where the whole list is flat;
-- BM25 as a share of what the best passage has and of what the question could have at most, times how sharply the list
-- falls off: a side whose first ten look alike knows little. The words count in full only where the
-- best passage reaches half of what the question could have, or as much as two of its words could: a list whose best holds
-- one word of five is made of accidents.
--
-- The page before: the passage that the best one follows on from across the end of a page gets at least four fifths of
-- its score, because a section that answers often begins there (page_before). Only where both sides are asked, as then
-- every passage that may be read can come; the best stays the best. docs/benchmarks.md has the figures.
CREATE FUNCTION footnote_search(
    query_vector halfvec, query_space uuid, term_dimensions integer[], term_counts integer[],
    lexical_trust double precision, wanted uuid[], only_versions uuid[], as_of timestamptz, depth integer, cut integer)
RETURNS TABLE (
    chunk_id uuid, document_id uuid, version_id uuid, collection_id uuid, external_id text, title text,
    page integer, page_end integer, text text, heading_path text[], span_start integer, span_end integer,
    score double precision, dense_rank integer, dense_score double precision,
    lexical_rank integer, lexical_score double precision, lexical_share double precision, page_before boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    tenant   constant uuid := NULLIF(current_setting('app.tenant_id', true), '')::uuid;
    groups   constant uuid[] := COALESCE(NULLIF(current_setting('app.reader_groups', true), ''), '{}');
    all_read constant boolean := COALESCE(current_setting('app.reads_all', true) = 'on', false);
    chosen   uuid[];
    question sparsevec;
    known    integer[];
    weights  double precision[];
    holders  double precision;
    mass     double precision;
    size     bigint;
    graph    regproc;
    near     uuid[];
    nearness double precision[];
    matched  uuid[];
    matches  double precision[];
    floor    double precision;
    spread   double precision;
    per_point double precision;
    left_out double precision := 0;
    overlooked double precision := 0;
    -- A few versions are entered by the index on them; many are hashed once, and each row asks whether its own is there
    -- (planning `= ANY` over tens of thousands would take longer than the scan).
    few_versions  constant uuid[] := CASE WHEN cardinality(only_versions) <= 1000 THEN only_versions END;
    many_versions constant uuid[] := CASE WHEN cardinality(only_versions) > 1000 THEN only_versions END;
    -- What nearly every search is: planned once in a connection's life, as planning each time would take half of a small
    -- search. Filters and the past are planned for what they ask.
    plain         constant boolean := as_of IS NULL AND only_versions IS NULL;
    -- What no EXPLAIN sees from outside: which way each side went, for whoever has set app.explain (retrieval.slow).
    explained     constant boolean := COALESCE(current_setting('app.explain', true) = 'on', false);
    ways          text[] := ARRAY['not asked', 'not asked'];
    moments       timestamptz[] := ARRAY[clock_timestamp()];
    spent         numeric[];
BEGIN
    IF tenant IS NULL THEN
        RETURN;
    END IF;

    -- Uses index: ingestion_collection_pkey
    SELECT array_agg(c.id) INTO chosen
      FROM ingestion_collection c
     WHERE c.tenant_id = tenant
       AND (wanted IS NULL OR c.id = ANY (wanted))
       AND (all_read OR c.reader_groups = '{}' OR c.reader_groups && groups);
    IF chosen IS NULL THEN
        RETURN;
    END IF;

    -- The question's weights: Lucene's idf over the chosen collections; a term asked twice counts twice.
    -- Uses index: term_count_lookup, once for each term (each count is asked for in several places: materialized)
    SELECT sum(n.documents) INTO size
      FROM ingestion_termcount n
     WHERE n.tenant_id = tenant AND n.collection_id = ANY (chosen) AND n.dimension = 0;
    WITH counted AS MATERIALIZED (
        SELECT a.dimension, a.times,
               (SELECT sum(n.documents)::double precision
                  FROM ingestion_termcount n
                 WHERE n.tenant_id = tenant AND n.collection_id = ANY (chosen) AND n.dimension = a.dimension) AS documents
          FROM unnest(term_dimensions, term_counts) AS a (dimension, times)
    ), held AS (
        SELECT c.dimension, c.times, CASE WHEN c.documents BETWEEN 1 AND size THEN c.documents END AS holders
          FROM counted c
    ), weighed AS MATERIALIZED (
        SELECT h.dimension, h.holders,
               h.times * ln(1 + (size - COALESCE(h.holders, 0) + 0.5) / (COALESCE(h.holders, 0) + 0.5)) AS weight
          FROM held h
         WHERE size > 0
    )
    SELECT ('{' || string_agg(w.dimension || ':' || w.weight, ',' ORDER BY w.dimension) FILTER (WHERE w.holders > 0)
            || '}/1000000000')::sparsevec,
           array_agg(w.dimension) FILTER (WHERE w.holders > 0), array_agg(w.weight) FILTER (WHERE w.holders > 0),
           sum(w.holders), sum(w.weight)
      INTO question, known, weights, holders, mass
      FROM weighed w;
    moments := moments || clock_timestamp();

    -- The dense route is by the size of what is searched, not by the planner: a scan is exact, and quicker than a graph up to
    -- some thousand rows (footnote_graph). The graph holds current rows alone, and where it gives fewer than were asked for
    -- the scan answers after all. A graph that is to give much of what it holds takes longer than the scan.
    IF query_vector IS NOT NULL THEN
        IF as_of IS NULL AND few_versions IS NULL
           AND 100 * size >= depth * footnote_graph_least(vector_dims(query_vector)) THEN
            graph := footnote_graph(tenant, query_space, size, vector_dims(query_vector));
        END IF;
        IF graph IS NOT NULL THEN
            EXECUTE format('SELECT ids, scores FROM %s($1, $2, $3, $4, $5, $6, $7, $8)', graph) INTO near, nearness
              USING query_vector, query_space, tenant, chosen, groups, all_read, many_versions, depth;
            ways[1] := 'graph';
        END IF;
        IF COALESCE(cardinality(near), 0) < depth AND plain THEN
            ways[1] := CASE WHEN near IS NULL THEN 'scan' ELSE 'graph, which gave too few, then scan' END;
            -- Vectors have unit length, so the inner product is the cosine, and cheaper; it is computed once for each row.
            -- One collection after the other: with `= ANY` any index by tenant looks as cheap, and the whole tenant is read. A
            -- collection that fills its partition looks as if it chose nothing, so that an index without it is entered and
            -- space and collection are compared row by row, at a third of the scan; BETWEEN is always taken to choose.
            -- Uses index: embedding_scan
            SELECT array_agg(n.id), array_agg(-n.distance) INTO near, nearness
              FROM (SELECT e.id, e.distance
                      FROM unnest(chosen) AS c (id),
                           LATERAL (SELECT e.id, e.vector <#> query_vector AS distance
                                      FROM ingestion_embedding e
                                     WHERE e.tenant_id = tenant AND e.space_id = query_space AND e.collection_id BETWEEN c.id AND c.id
                                       AND e.valid_to IS NULL
                                       AND (all_read OR cardinality(e.reader_groups) = 0 OR e.reader_groups && groups)
                                    OFFSET 0) e
                     ORDER BY e.distance
                     LIMIT depth) n;
        ELSIF COALESCE(cardinality(near), 0) < depth THEN
            ways[1] := CASE WHEN few_versions IS NULL THEN 'scan of a filter or the past' ELSE 'scan of a few versions' END;
            SELECT array_agg(n.id), array_agg(n.score) INTO near, nearness
              FROM footnote_scanned_vectors(
                   query_vector, query_space, tenant, chosen, groups, all_read, few_versions, many_versions, as_of, depth) n;
        END IF;
    END IF;

    moments := moments || clock_timestamp();

    -- The words' route: the postings hold what is current; what is small, past or a few versions is scanned.
    IF question IS NOT NULL THEN
        IF as_of IS NULL AND few_versions IS NULL AND size > 1000 THEN
            ways[2] := 'postings';
            SELECT array_agg(w.id), array_agg(w.score) INTO matched, matches
              FROM footnote_words(
                   question, known, weights, holders, tenant, chosen, groups, all_read, many_versions, depth) w;
        ELSIF plain THEN
            ways[2] := 'scan';
            -- Uses index: lexical_scan
            SELECT array_agg(w.id), array_agg(-w.distance) INTO matched, matches
              FROM (SELECT e.id, e.distance
                      FROM unnest(chosen) AS c (id),
                           LATERAL (SELECT e.id, e.weights <#> question AS distance
                                      FROM ingestion_lexicalentry e
                                     WHERE e.tenant_id = tenant AND e.collection_id BETWEEN c.id AND c.id AND e.valid_to IS NULL
                                       AND (all_read OR cardinality(e.reader_groups) = 0 OR e.reader_groups && groups)
                                    OFFSET 0) e
                     ORDER BY e.distance
                     LIMIT depth) w;
        ELSE
            ways[2] := CASE WHEN few_versions IS NULL THEN 'scan of a filter or the past' ELSE 'scan of a few versions' END;
            SELECT array_agg(w.id), array_agg(w.score) INTO matched, matches
              FROM footnote_scanned_words(
                   question, tenant, chosen, groups, all_read, few_versions, many_versions, as_of, depth) w;
        END IF;
    END IF;

    moments := moments || clock_timestamp();

    -- What each list looks like, best first: its best and hundredth cosine; its best BM25 score, how far the tenth falls
    -- behind, and whether the best holds enough: half of what the question could have or two of its words' share, whichever
    -- is less. So what a point of either side counts, and the most that a passage has whom the list of words leaves out.
    -- What a scan leaves out has a cosine below the hundredth; what a graph overlooks is hardly ever among the ten nearest.
    floor := nearness[LEAST(100, cardinality(nearness))];
    spread := nearness[1] - floor + 0.5;
    IF graph IS NOT NULL THEN
        overlooked := GREATEST(0, nearness[LEAST(10, cardinality(nearness))] - floor);
    END IF;
    IF matches[1] > 0 THEN
        per_point := lexical_trust / sqrt(matches[1] * mass)
            * LEAST(((matches[1] - COALESCE(matches[10], 0)) / matches[1] + 0.05) / 0.5, 1.6)
            * power(LEAST(1, matches[1] / mass * GREATEST(2, cardinality(term_dimensions) / 2.0)), 2.5);
        left_out := COALESCE(matches[depth], 0);
    END IF;

    RETURN QUERY
    WITH
    -- What each candidate is known to have, where the score of a side that did not list it is missing yet; and what the
    -- last of those to be returned has at least. Who cannot reach that is not looked up: where vectors are scanned the result
    -- is the same, and most of the reading is spared (Fagin, Lotem and Naor 2003, Optimal aggregation algorithms for
    -- middleware). A graph may overlook what is near; nearer than the tenth of its list it is taken to overlook nothing.
    -- While a collection is weighed anew its postings are those of before, and so is what the list of words leaves out.
    -- The lists come best first; passages of one score, in the order in which they were met.
    listed AS MATERIALIZED (
        SELECT id, d.place::integer AS dense_place, d.score AS dense_score,
               l.place::integer AS lexical_place, l.score AS lexical_score,
               COALESCE((d.score - floor) / spread, 0) + COALESCE(per_point * l.score, 0) AS score
          FROM unnest(near, nearness) WITH ORDINALITY AS d (id, score, place)
          FULL JOIN (SELECT * FROM unnest(matched, matches) WITH ORDINALITY AS m (id, score, place) WHERE m.score > 0) l
         USING (id)
    ),
    threshold AS MATERIALIZED (
        SELECT CASE WHEN count(*) = cut THEN min(k.score) ELSE '-infinity' END AS score
          FROM (SELECT a.score FROM listed a WHERE a.dense_place IS NOT NULL ORDER BY a.score DESC LIMIT cut) k
    ),
    -- Looked up all at once: a tenant that the planner's statistics do not know yet looks to it like one row, and it may then
    -- read that tenant whole; so it must do that once and not for each row. Where the list of vectors is short, it lacks none.
    -- Uses index: ingestion_embedding_pkey, ingestion_lexicalentry_pkey
    cosines AS MATERIALIZED (
        SELECT e.id, -(e.vector <#> query_vector) AS score
          FROM ingestion_embedding e
         WHERE cardinality(near) = depth AND e.tenant_id = tenant AND e.space_id = query_space
           AND e.id = ANY (ARRAY(SELECT a.id FROM listed a
                                  WHERE a.dense_place IS NULL
                                    AND a.score + overlooked / spread >= (SELECT t.score FROM threshold t)))
    ),
    bm25 AS MATERIALIZED (
        SELECT e.id, -(e.weights <#> question) AS score
          FROM ingestion_lexicalentry e
         WHERE left_out > 0 AND e.tenant_id = tenant
           AND e.id = ANY (ARRAY(SELECT a.id FROM listed a
                                  WHERE a.lexical_place IS NULL
                                    AND a.score + per_point * left_out >= (SELECT t.score FROM threshold t)))
    ),
    -- A passage that a list of words left out though it has room holds none of them.
    best AS MATERIALIZED (
        SELECT a.id, a.dense_place, COALESCE(a.dense_score, c.score) AS dense_score,
               a.lexical_place,
               COALESCE(a.lexical_score, b.score, CASE WHEN left_out = 0 AND question IS NOT NULL THEN 0 END) AS lexical_score,
               a.score + COALESCE((c.score - floor) / spread, 0) + COALESCE(per_point * b.score, 0) AS score
          FROM listed a
          LEFT JOIN cosines c USING (id)
          LEFT JOIN bm25 b USING (id)
         ORDER BY score DESC, id
         LIMIT cut
    ),
    -- Uses index: ingestion_chunk_pkey
    texts AS MATERIALIZED (
        SELECT c.* FROM ingestion_chunk c
         WHERE c.tenant_id = tenant AND c.id = ANY (ARRAY(SELECT b.id FROM best b))
    ),
    -- Versions have one validity and one circle of readers; asked all the same, as for every row that is returned. Looked up
    -- by itself (OFFSET), so that no tenant's chunks are read to be joined with one.
    -- Uses index: chunk_order
    lead AS MATERIALIZED (
        SELECT p.*, 0.8 * f.score AS least, EXISTS (SELECT FROM best b WHERE b.id = p.id) AS is_listed
          FROM (SELECT b.id, b.score FROM best b
                 WHERE query_vector IS NOT NULL AND question IS NOT NULL
                 ORDER BY b.score DESC, b.id LIMIT 1) f
          JOIN texts k ON k.id = f.id AND k.page > 1,
               LATERAL (SELECT c.* FROM ingestion_chunk c
                         WHERE c.tenant_id = tenant AND c.version_id = k.version_id AND c.ordinal = k.ordinal - 1
                           AND c.page < k.page
                           AND (all_read OR cardinality(c.reader_groups) = 0 OR c.reader_groups && groups)
                           AND (as_of IS NULL AND c.valid_to IS NULL
                                OR as_of IS NOT NULL AND c.valid_from <= as_of AND (c.valid_to IS NULL OR c.valid_to > as_of))
                        OFFSET 0) p
    ),
    ranked AS MATERIALIZED (
        SELECT b.id, b.dense_place, b.dense_score, b.lexical_place, b.lexical_score,
               GREATEST(b.score, l.least) AS score, COALESCE(b.score < l.least, false) AS page_before
          FROM best b
          LEFT JOIN lead l ON l.id = b.id
        UNION ALL
        SELECT l.id, array_position(near, l.id), s.cosine, CASE WHEN s.bm25 > 0 THEN array_position(matched, l.id) END, s.bm25,
               l.least, true
          FROM lead l, LATERAL footnote_scores(query_vector, query_space, question, tenant, l.id) s
         WHERE NOT l.is_listed
         ORDER BY score DESC, id
         LIMIT cut
    ),
    -- Uses index: ingestion_document_pkey
    documents AS MATERIALIZED (
        SELECT d.id, d.external_id, d.title FROM ingestion_document d
         WHERE d.tenant_id = tenant AND d.id = ANY (ARRAY(SELECT k.document_id FROM texts k))
    ),
    read AS (
        SELECT k.id, k.document_id, k.version_id, k.collection_id, k.page, k.page_end, k.text, k.heading_path,
               k.span_start, k.span_end
          FROM texts k
        UNION ALL
        SELECT l.id, l.document_id, l.version_id, l.collection_id, l.page, l.page_end, l.text, l.heading_path,
               l.span_start, l.span_end
          FROM lead l
         WHERE NOT l.is_listed
    )
    SELECT k.id, k.document_id, k.version_id, k.collection_id, doc.external_id::text, doc.title::text,
           k.page, k.page_end, k.text, k.heading_path, k.span_start, k.span_end,
           r.score, r.dense_place, r.dense_score, r.lexical_place, r.lexical_score, r.lexical_score / mass, r.page_before
      FROM ranked r
      JOIN read k ON k.id = r.id
      JOIN documents doc ON doc.id = k.document_id
     ORDER BY r.score DESC, r.id;

    IF explained THEN
        moments := moments || clock_timestamp();
        FOR stage IN 1..4 LOOP
            spent[stage] := round(extract(epoch FROM moments[stage + 1] - moments[stage]) * 1000, 2);
        END LOOP;
        RAISE INFO USING MESSAGE = format(E'footnote_search: %s passages in %s collections\n', COALESCE(size, 0), cardinality(chosen))
            || format(E'  terms: %s asked, %s known, %s ms\n', COALESCE(cardinality(term_dimensions), 0),
                      COALESCE(cardinality(known), 0), spent[1])
            || format(E'  vectors: %s, %s candidates, %s ms\n', ways[1], COALESCE(cardinality(near), 0), spent[2])
            || format(E'  words: %s, %s candidates, %s ms\n', ways[2], COALESCE(cardinality(matched), 0), spent[3])
            || format('  missing scores, fusion and texts: %s ms', spent[4]);
    END IF;
END
$$;

"""Words, weights and dimensions of the lexical index."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.lexical import DIMENSIONS, MAX_TERM, bm25_weights, dimension, idf, term_spans, terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Running runs, the run", ["run", "run", "run"]),
        ("IT support and it is", ["it", "support"]),
        ("the co-payment", ["copay", "co", "payment"]),
        ("SKU-8847", ["sku-8847", "sku", "8847"]),
        ("bob@example.org", ["bob@example.org", "bob", "exampl", "org"]),
        ("$2,000 or 3.5", ["2000", "3.5"]),
        ("C++ C#", ["c++", "c", "c#", "c"]),
        ("résumé Ελλάδα", ["resum", "ελλαδα"]),
        ("", []),
        ("--- ... !!!", []),
    ],
)
def test_english_words(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


@given(st.text(st.sampled_from("aZ09_-./@:'+&#%=?~,; \n()"), max_size=60))
def test_plain_text_is_divided_as_any_other(text: str) -> None:
    """ASCII goes another, faster way; a letter of another alphabet behind it must change nothing."""
    assert [*terms(text, "simple"), "ж"] == terms(f"{text} ж", "simple")


def test_order_and_repeats_are_kept() -> None:
    assert terms("pump valve pump") == ["pump", "valv", "pump"]


def test_names_in_code_are_found_whole_and_in_parts() -> None:
    found = terms("call getUserName or user_name_field", "simple")
    assert {"getusername", "get", "user", "name", "user_name_field", "field"} <= set(found)


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("english", "resume", "résumé"),
        ("german", "Häuser", "Hauses"),
        ("french", "élèves", "eleve"),
        ("simple", "Αθήνα", "αθηνα"),
        ("simple", "العَرَبِيَّة", "العربية"),
        ("english", "ﬁnance", "finance"),
        ("english", "STRASSE", "straße"),
    ],
)
def test_spellings_of_one_word_meet(language: str, one: str, other: str) -> None:
    assert set(terms(one, language)) & set(terms(other, language))


def test_languages_without_spaces_are_found_by_any_two_characters() -> None:
    document = terms("東京都の天気は晴れです")
    assert set(terms("天気")) <= set(document)
    assert set(terms("สวัสดี")) <= set(terms("สวัสดีครับ"))
    assert terms("山") == ["山"]


def test_indic_vowel_signs_stay_part_of_their_word() -> None:
    assert terms("हिन्दी भाषा", "simple") == ["हिन्दी", "भाषा"]


def test_a_vietnamese_question_with_tones_asks_for_the_toned_words_only() -> None:
    assert set(terms("Nguyễn")) == {"nguyễn", "nguyen"}
    assert terms("Nguyễn", question=True) == ["nguyễn"]
    assert terms("Nguyen", question=True) == ["nguyen"]


def test_an_unknown_language_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="klingon"):
        terms("nuqneH", "klingon")


@given(st.text(st.characters(exclude_categories=()), max_size=400))
def test_any_text_gives_short_clean_terms(text: str) -> None:
    for term in terms(text):
        assert 0 < len(term) <= MAX_TERM
        assert not any(character.isspace() for character in term)
        assert 1 <= dimension(term) <= DIMENSIONS


def test_a_dimension_is_the_same_for_ever() -> None:
    assert dimension("pump") == 863_155_773


def test_weights_saturate_and_favour_short_chunks() -> None:
    once = bm25_weights({"pump": 1}, 100, 100.0)
    often = bm25_weights({"pump": 10}, 100, 100.0)
    shorter = bm25_weights({"pump": 1}, 20, 100.0)
    place = dimension("pump")
    assert 0 < once[place] < shorter[place] < often[place] < 1
    assert once[place] == pytest.approx(1 / (1 + 1.2))


def test_rare_words_tell_more_than_common_ones() -> None:
    assert idf(1000, 1) > idf(1000, 500) > idf(1000, 1000) > 0


def test_weights_of_all_terms_are_there() -> None:
    counts = Counter(terms("the pump and the valve of the pump"))
    assert len(bm25_weights(counts, sum(counts.values()), 3.0)) == len(counts)


@pytest.mark.parametrize(
    ("text", "asked", "marked"),
    [
        ("He was Running the run.", "runs", ["Running", "run"]),
        ("the part SKU-8847, again", "8847", ["8847"]),
        ("the part SKU-8847, again", "sku-8847", ["SKU", "8847"]),
        ("bob@example.org wrote", "bob@example.org", ["bob", "example", "org"]),
        ("getUserName()", "user", ["getUserName"]),
        ("Der Über-Weg", "uber", ["Über"]),
        ("東京都庁は新宿にある", "都庁", ["都庁"]),
        ("東京都庁は", "東京都", ["東京都"]),
        ("字", "字", ["字"]),
        ("nothing here", "else", []),
    ],
)
def test_the_places_of_asked_words_are_known(text: str, asked: str, marked: list[str]) -> None:
    wanted = set(terms(asked, "english", question=True))
    assert [text[start:end] for start, end in term_spans(text, wanted)] == marked

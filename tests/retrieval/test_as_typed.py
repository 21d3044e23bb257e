"""Identifiers, addresses and quoted phrases are found as they are typed, among others that are nearly the same."""

import pytest

from retrieval.passages import SearchRequest
from retrieval.phrases import quoted
from retrieval.search import search
from tenants.scope import Principal
from tests.retrieval.corpus import Corpus

pytestmark = pytest.mark.usefixtures("database")

# Typed; the text that holds it; a text that holds nearly the same and must not come first.
FORMS = {
    "a part number": ("AB-123/45.x", "Order AB-123/45.x, please.", "Order AB-123/46.x or AB-45/123."),
    "a part number with a hyphen that does not break": (
        "AB-123/45.x", "Order AB\u2011123/45.x, please.", "Order AB-123/46.x or AB-45/123."
    ),
    "a part number typed with a minus sign": (
        "AB\u2212123", "The seal AB-123 fits.", "The seals AB and 123 fit, AB too, 123 too."
    ),
    "a call": ("foo_bar()", "It calls foo_bar() twice.", "The foo calls a bar, foo and bar."),
    "a name in camel case": ("getUserName", "Use getUserName here.", "The user may get a name."),
    "a language": ("C++", "Written in C++ by hand.", "Written in C by hand, in C."),
    "another language": ("C#", "Written in C# by hand.", "Written in C by hand, in C."),
    "a version": ("v2.0.1", "Fixed in v2.0.1 of it.", "Fixed in v2.1.0 and v1.0.2 of it."),
    "a mail address": ("user@example.org", "Write to user@example.org.", "A user of example.org."),
    "an IPv6 address": (
        "2001:db8::8a2e:370:7334", "The host 2001:db8::8a2e:370:7334.", "The host 2001:db8::370:8a2e:7334."
    ),
    "a network": ("10.20.0.0/16", "Route 10.20.0.0/16 there.", "Route 10.0.20.0/16 there."),
    "a path": (
        "/etc/nginx/conf.d/site.conf", "Edit /etc/nginx/conf.d/site.conf.", "The conf of nginx in etc: site.d."
    ),
    "a vulnerability": ("CVE-2024-3094", "About CVE-2024-3094.", "About CVE-2024-4093, 3094 in 2024."),
    "a standard": ("ISO/IEC 27001:2013", "By ISO/IEC 27001:2013.", "By ISO and IEC in 2013, no. 27001."),
    "a company": ("AT&T", "A contract with AT&T.", "At the contract, T."),
    "a phrase with stop words": (
        '"terms of the agreement"', "See the terms of the agreement.", "The agreement is on terms: the terms agreement."
    ),
    "a phrase in typographic quotes": (
        "“end of life”", "It has reached end of life.", "Life has an end; the end of a life's end."
    ),
    "a phrase over a line's end": (
        '"mean time between failures"', "The mean time\nbetween failures.", "Failures between a mean time, mean."
    ),
    "Chinese": ("合同编号", "请注明合同编号和日期。", "编号和合同在这里。"),
    "Japanese": ("有給休暇", "年次有給休暇は二十日です。", "休暇は無給です。有給もある。"),
    "Thai": ("วันหยุด", "พนักงานมีวันหยุดสิบวัน", "วันนี้ทำงาน หยุดไม่ได้"),
    "Lao": ("ວັນພັກ", "ພະນັກງານມີວັນພັກສິບມື້", "ວັນນີ້ເຮັດວຽກ"),
    "Khmer": ("ថ្ងៃឈប់", "បុគ្គលិកមានថ្ងៃឈប់ដប់", "ថ្ងៃនេះធ្វើការ"),
    "Burmese": ("အားလပ်ရက်", "ဝန်ထမ်းများ အားလပ်ရက် ဆယ်ရက်", "ဒီနေ့ အလုပ်လုပ်သည်"),
}  # fmt: skip


@pytest.mark.parametrize(("typed", "holds", "nearly"), FORMS.values(), ids=FORMS.keys())
def test_it_is_found_as_typed(acme_corpus: Corpus, typed: str, holds: str, nearly: str) -> None:
    forms = acme_corpus.collection("forms")
    for other in ("The pump runs.", nearly, nearly, "Nothing of the kind is said here."):
        acme_corpus.add(forms, other)
    acme_corpus.add(forms, holds)
    found = search(
        SearchRequest(typed, side="lexical"), principal=Principal(acme_corpus.tenant.pk)
    ).passages
    assert found[0].text == holds


def test_a_phrase_that_is_held_is_named_and_scores_fall(acme_corpus: Corpus) -> None:
    texts = acme_corpus.collection("texts")
    for text in ("A long leave. Leave, parental leave of absence.", "Leave of absence is granted."):
        acme_corpus.add(texts, text)
    acme_corpus.add(texts, "Absence, absence, leave, leave.")
    found = search(
        SearchRequest('"Leave of  Absence"', explain=True),
        principal=Principal(acme_corpus.tenant.pk),
    ).passages
    assert [passage.explain.phrases for passage in found] == [("leave of absence",)] * 2 + [()]
    assert [passage.rank for passage in found] == [1, 2, 3]
    assert sorted((passage.score for passage in found), reverse=True) == [p.score for p in found]


def test_a_phrase_is_found_far_below_what_the_rest_of_the_question_finds(
    acme_corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.search.REACH", 3)
    monkeypatch.setattr("retrieval.ranking.DEPTH", 3)
    texts = acme_corpus.collection("texts")
    for _ in range(5):
        acme_corpus.add(texts, "Pumps, valves, seals and gaskets of the supplier: pumps, valves.")
    for _ in range(20):
        acme_corpus.add(texts, "Nothing of the kind is said here.")
    clause = "A clause on force majeure stands here, among many other words that nobody asks for."
    acme_corpus.add(texts, clause)
    question = 'pumps valves seals gaskets supplier "force majeure"'
    found = search(
        SearchRequest(question, limit=2, explain=True), principal=Principal(acme_corpus.tenant.pk)
    ).passages
    assert found[0].text == clause
    assert found[0].explain.phrases == ("force majeure",)
    assert [passage.rank for passage in found] == [1, 2]
    assert found[0].score >= found[1].score


def test_a_phrase_is_words_and_not_parts_of_words(acme_corpus: Corpus) -> None:
    texts = acme_corpus.collection("texts")
    acme_corpus.add(texts, "War is an art, art, art: the state of the artery.")
    acme_corpus.add(texts, "It is state of the art.")
    found = search(SearchRequest('"the art"'), principal=Principal(acme_corpus.tenant.pk)).passages
    assert found[0].text == "It is state of the art."
    assert found[1].explain.phrases == ()


@pytest.mark.parametrize(
    ("query", "phrases"),
    [
        ('what is "Net  Zero"?', ("net zero",)),
        ('a 5" pipe', ()),
        ('a 5" pipe and a 6" pipe', ("pipe and a 6",)),
        ('""', ()),
        ('"?!" "a-b"', ("a-b",)),
        ("「東京 都」", ("東京 都",)),
        ('"same" "SAME"', ("same",)),
    ],
)
def test_what_stands_in_quotes_is_a_phrase(query: str, phrases: tuple[str, ...]) -> None:
    assert quoted(query) == phrases

"""The built-in model: it quotes word for word, cites what it quotes, and says when there is nothing to quote."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from inference import gateway
from inference.clients import Clients
from inference.extraction.quoting import NOT_ANSWERED, NOTHING_FOUND, extract
from inference.extraction.sentences import quotable_sentences
from inference.models import ModelCall
from inference.types import ChatRequest, Finished, Message, Passage, TextDelta

Ask = Callable[..., ChatRequest]

HANDBOOK = Passage(
    3,
    "Contoso was founded in 1998 by Dr. Jane Q. Miller in Bern. Employees get 25 days of paid leave every year. "
    "Leave that is not taken by March is lost.\n\n- Sick leave needs a certificate after three days.\n"
    "- The canteen opens at 11.30 a.m. every day.",
    title="Employee handbook",
)
TRAVEL = Passage(
    7,
    "Travel is booked by the assistant. Employees get 25 days of paid leave every year. "
    "Flights above six hours may be in premium economy.",
    title="Travel policy",
)


def test_it_quotes_the_sentence_that_answers_with_its_mark(ask: Ask, clients: Clients) -> None:
    request = ask(
        question="How many days of paid leave do employees get?", passages=[HANDBOOK, TRAVEL]
    )
    result = gateway.chat(request, clients=clients)
    assert result.text.startswith("Employees get 25 days of paid leave every year. [3]")
    assert result.answered is True
    assert (result.model, result.provider, result.cost) == ("footnote/extractive", "footnote", 0)
    assert result.degraded is None


def test_it_streams_sentence_by_sentence(ask: Ask, clients: Clients) -> None:
    request = ask(question="When is sick leave or paid leave lost?", passages=[HANDBOOK, TRAVEL])
    events = list(gateway.stream(request, clients=clients))
    texts = [event.text for event in events if isinstance(event, TextDelta)]
    assert len(texts) > 1
    assert all(text.rstrip().endswith("]") for text in texts)
    assert isinstance(events[-1], Finished)


def test_every_quote_stands_in_the_passage_that_it_cites(clients: Clients) -> None:
    found = extract("What about leave?", [HANDBOOK, TRAVEL], clients.embedder().embed)
    by_number = {3: HANDBOOK.text, 7: TRAVEL.text}
    assert 1 <= len(found.quotes) <= 4
    for quote in found.quotes:
        assert quote.text in by_number[quote.n]


def test_the_same_sentence_is_not_quoted_twice(clients: Clients) -> None:
    found = extract("How many days of paid leave?", [HANDBOOK, TRAVEL], clients.embedder().embed)
    assert [quote.text for quote in found.quotes].count(
        "Employees get 25 days of paid leave every year."
    ) == 1


def test_it_says_when_the_documents_do_not_answer(
    ask: Ask, clients: Clients, alice: object, ledger_rows: Callable[[], list[ModelCall]]
) -> None:
    question = "What is the boiling point of tungsten?"
    result = gateway.chat(ask(question=question, passages=[HANDBOOK, TRAVEL]), clients=clients)
    assert (result.text, result.answered, result.finish_reason) == (NOT_ANSWERED, False, "stop")
    assert ledger_rows()[0].model == "footnote/extractive"


@pytest.mark.parametrize(
    "passages", [[], [Passage(1, "")], [Passage(1, " \n ")], [Passage(1, "Contents")]]
)
def test_it_says_when_nothing_was_found(
    ask: Ask, clients: Clients, passages: list[Passage]
) -> None:
    result = gateway.chat(ask(question="What is leave?", passages=passages), clients=clients)
    assert (result.text, result.answered) == (NOTHING_FOUND, False)


def test_without_a_question_the_last_message_is_the_question(ask: Ask, clients: Clients) -> None:
    messages = [
        Message("user", "Hello"),
        Message("user", "How many days of paid leave do employees get?"),
    ]
    result = gateway.chat(ask(messages=messages, passages=[HANDBOOK]), clients=clients)
    assert "25 days" in result.text


def test_the_same_question_has_the_same_answer(clients: Clients) -> None:
    embed = clients.embedder().embed
    answers = [extract("Who may fly premium economy?", [HANDBOOK, TRAVEL], embed) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]


KIT = Passage(
    2,
    "The seal kit AX-4711/B fits the pump P-200 and the pump P-210. It replaces the older kit AX-4700. "
    "The order number of AX-4711/B is 88-1203. The kit weighs 120 grams. Delivery takes five working days.",
    title="Spare parts",
)


@pytest.mark.parametrize("by", ["meaning", "words"])
@pytest.mark.parametrize(
    ("follow_up", "quoted"),
    [
        ("What is its order number?", "The order number of AX-4711/B is 88-1203."),
        ("How long does its delivery take?", "Delivery takes five working days."),
    ],
)
def test_a_follow_up_is_answered_and_not_the_question_before_it(
    clients: Clients, follow_up: str, quoted: str, by: str
) -> None:
    embed = clients.embedder().embed if by == "meaning" else None
    asked = f"Which pump does AX-4711/B fit? {follow_up}"
    found = extract(asked, [KIT, HANDBOOK], embed, follow_up=follow_up)
    best = found.quotes if by == "meaning" else found.quotes[-1:]
    assert [quote.text for quote in best] == [quoted]


def test_words_alone_still_find_it() -> None:
    """The last resort when the embedding endpoint is down as well."""
    found = extract("How many days of paid leave do employees get?", [HANDBOOK], None)
    assert found.quotes[0].text == "Employees get 25 days of paid leave every year."


def test_a_language_that_the_model_does_not_know_is_answered_by_words(
    ask: Ask, clients: Clients
) -> None:
    passages = [
        Passage(
            1, "Η εταιρεία ιδρύθηκε το 1998. Οι εργαζόμενοι δικαιούνται 25 ημέρες άδειας τον χρόνο."
        ),
        Passage(
            2, "Τα ταξίδια κλείνονται από τη γραμματεία. Το κυλικείο ανοίγει στις έντεκα το πρωί."
        ),
    ]
    result = gateway.chat(
        ask(question="Πόσες ημέρες άδειας τον χρόνο;", passages=passages), clients=clients
    )
    assert result.text == "Οι εργαζόμενοι δικαιούνται 25 ημέρες άδειας τον χρόνο. [1]"
    unrelated = gateway.chat(
        ask(question="Ποιος είναι ο πρόεδρος;", passages=passages), clients=clients
    )
    assert unrelated.answered is False


def test_sentences_are_split_where_people_would() -> None:
    texts = [sentence.text for sentence in quotable_sentences([HANDBOOK])]
    assert texts == [
        "Contoso was founded in 1998 by Dr. Jane Q. Miller in Bern.",
        "Employees get 25 days of paid leave every year.",
        "Leave that is not taken by March is lost.",
        "Sick leave needs a certificate after three days.",
        "The canteen opens at 11.30 a.m. every day.",
    ]


def test_an_s_after_an_apostrophe_ends_a_sentence() -> None:
    text = "A tenant's data is kept apart from everybody else's. Everything belongs to one tenant."
    assert len(quotable_sentences([Passage(1, text)])) == 2


def test_a_mark_inside_a_passage_is_not_taken_over() -> None:
    """It would point at a passage that was never retrieved."""
    (sentence,) = quotable_sentences(
        [Passage(1, "As shown in earlier work [12] the method is sound.")]
    )
    assert sentence.text == "As shown in earlier work the method is sound."


def test_sentences_without_spaces_can_be_quoted() -> None:
    sentences = quotable_sentences(
        [Passage(1, "従業員は毎年二十五日の有給休暇を取得できます。社員食堂は十一時に開きます。")]
    )
    assert len(sentences) == 2


CANTEEN = Passage(
    9, "食堂十一点开门。社員食堂は平日の十一時に開きます。โรงอาหารเปิดเวลาสิบเอ็ดโมงเช้าทุกวัน"
)


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("员工每年有几天带薪年假？", "员工每年享有二十五天带薪年假。"),
        ("报销申请必须在几天内提交？", "报销申请必须在三十天内提交。"),
        ("食堂什么时候开门？", "食堂十一点开门。"),
        (
            "従業員は年間何日の有給休暇を取得できますか",
            "従業員は毎年二十五日の有給休暇を取得できます。",
        ),
        ("バックアップはいつ行われますか", "バックアップは毎晩二時に行われます。"),
        ("พนักงานได้รับวันหยุดกี่วัน", "พนักงานได้รับวันหยุดปีละ 25 วัน"),
    ],
)
def test_a_question_in_a_script_without_blanks_is_answered(
    ask: Ask, clients: Clients, question: str, sentence: str
) -> None:
    passages = [CANTEEN, Passage(2, sentence)] if sentence not in CANTEEN.text else [CANTEEN]
    result = gateway.chat(ask(question=question, passages=passages), clients=clients)
    assert result.text == f"{sentence} [{passages[-1].n}]"


@pytest.mark.parametrize("question", ["公司的总裁是谁？", "社長は誰ですか", "ประธานบริษัทคือใคร"])
def test_what_such_a_text_does_not_answer_is_not_quoted(question: str) -> None:
    passages = [
        CANTEEN,
        Passage(2, "员工每年享有二十五天带薪年假。従業員は毎年二十五日の有給休暇を取得できます。"),
    ]
    assert extract(question, passages, None).refusal == NOT_ANSWERED


def test_words_with_vowel_signs_are_whole_and_a_hindi_stop_ends_a_sentence() -> None:
    leave = "कर्मचारियों को हर साल 25 दिन की छुट्टी मिलती है।"
    passages = [Passage(1, f"भोजनालय सुबह ग्यारह बजे खुलता है। {leave}")]
    found = extract("कर्मचारियों को कितने दिन की छुट्टी मिलती है?", passages, None)
    assert [quote.text for quote in found.quotes] == [leave]


def test_sentences_of_a_language_without_blanks_are_told_by_their_length() -> None:
    assert quotable("员工使用 Microsoft Teams 开会。是。带薪年假") == [
        "员工使用 Microsoft Teams 开会。"
    ]
    assert quotable("带薪年假" * 100) == []
    assert quotable("휴가는 매년 꼭 준다.") == ["휴가는 매년 꼭 준다."]


def test_thai_is_parted_by_its_blanks_where_a_sentence_may_end() -> None:
    clause = (
        "พนักงานทุกคนต้องแจ้งหัวหน้างานล่วงหน้าก่อนลาหยุดอย่างน้อยสามวันทำการและต้องกรอกแบบฟอร์มใบลาให้ครบถ้วนทุกครั้ง"
    )
    short = "พนักงานใช้ Teams ต่าง ๆ ทุกวัน จันทร์"
    assert quotable(f"{clause} {clause}") == [clause, clause]
    assert quotable(short) == [short]


def quotable(text: str) -> list[str]:
    return [sentence.text for sentence in quotable_sentences([Passage(n=1, text=text)])]


def test_headings_and_questions_are_not_quoted() -> None:
    text = (
        "Which file formats can Footnote read?\n\nReader groups of a collection\n\n"
        "Footnote reads PDF and Word."
    )
    assert quotable(text) == ["Footnote reads PDF and Word."]


def test_what_only_leads_to_a_list_is_not_quoted_and_its_items_are() -> None:
    text = "Some of the lessons covered are:\n- Skiing and snowboarding lessons\n- Scuba diving lessons for beginners"
    assert quotable(text) == [
        "Skiing and snowboarding lessons",
        "Scuba diving lessons for beginners",
    ]


def test_a_title_is_not_quoted_unless_there_is_nothing_else() -> None:
    name = "PerksPlus Health and Wellness Reimbursement Program for Contoso Employees"
    text = f"{name}\n\nEmployees can expense up to $1000 for fitness."
    (found,) = quotable_sentences([Passage(1, text, title=name)])
    assert found.text == "Employees can expense up to $1000 for fitness."
    for note in (name, "The office closes at six on Fridays."):
        (found,) = quotable_sentences([Passage(1, note, title=note)])
        assert found.text == note
    both = quotable_sentences(
        [Passage(1, "It closes at six. Not on Friday, then.", title="It closes at six.")]
    )
    assert [one.text for one in both] == ["It closes at six.", "Not on Friday, then."]


def test_code_is_not_quoted_for_its_fence_would_swallow_the_marks_that_follow() -> None:
    text = (
        "Ask it from a shell as well as from the page.\n\n"
        'curl -d \'{"question": "How are tenants kept apart?"}\' and read the answer.\n```\n\n'
        "Tenants are kept apart by the database itself."
    )
    found = [one.text for one in quotable_sentences([Passage(1, text)])]
    assert found == [
        "Ask it from a shell as well as from the page.",
        "Tenants are kept apart by the database itself.",
    ]


def test_a_row_of_a_table_is_quoted_without_its_bars() -> None:
    text = (
        "| Word | Meaning |\n| --- | --- |\n"
        "| Reader group | A group whose members may read a restricted document. |"
    )
    assert quotable(text) == ["Reader group: A group whose members may read a restricted document."]

"""Texts come back as they were written: every script, characters never seen, in the graph and after a save."""

import subprocess
import sys
from functools import cache

import pytest
import tensorflow as tf

from vtkeras.config import DataConfig
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.spelling import JOIN, SPELLING_PIECES, WORD_START, join, normalise
from vtkeras.data.text import Vocabulary, build_vocabulary, make_tokenizer

LANGUAGES = {
    "English": ["A man's well-known dog can't jump 3.5 m.", 'She said: "it\'s 10:30 (a.m.)", and left...'],
    "German": ["Der große Hund läuft über die Straße.", "„Schöne Grüße“, sagt Jürgen – und geht."],
    "French": ["L'été, une fille s'assied à côté du café.", "« Où est-il ? », dit-elle."],
    "Spanish": ["¿Qué hace el niño? ¡Salta!", "La señora corre 2,5 km."],
    "Portuguese": ["O cão não está lá; vão à praia.", "A avó põe o pão na mesa."],
    "Polish": ["Żółty pies goni łódkę.", "Dziewczyna pije świeżą herbatę."],
    "Czech": ["Příliš žluťoučký kůň pil.", "Kočka spí na střeše."],
    "Turkish": ["İstanbul'da bir kız ışığı açıyor.", "Şoför çayı içti."],
    "Vietnamese": ["Một con mèo đang ngủ trên ghế.", "Người đàn ông đạp xe qua phố."],
    "Finnish": ["Mies hyppää jäälle yöllä.", "Äiti syö leipää."],
    "Hungarian": ["A kutya átugrik az őrült tűzön.", "Két fiú úszik."],
    "Icelandic": ["Þú ert að keyra bílinn.", "Æðarfugl á sjónum."],
    "Russian": ["Кот прыгает на стол, а пёс лает.", "«Съешь ещё», – сказала она."],
    "Ukrainian": ["Їжак біжить під м'яким ґанком.", "Дівчина п'є чай."],
    "Greek": ["Η γάτα κοιμάται· ο σκύλος τρέχει;", "Ο ΟΔΥΣΣΕΥΣ γελάει."],
    "Georgian": ["კატა სახურავზე ზის.", "ბიჭი ბურთს თამაშობს."],
    "Armenian": ["Կատուն քնած է։", "Աղջիկը պարում է՞։"],
    "Arabic": ["قطة تقفز على الطاولة، والكلب ينبح!", "الوَلَدُ يَلعَبُ بالكُرَةِ؟"],
    "Hebrew": ["הַחָתוּל ישן על הגג.", 'צה"ל וארה"ב; ג\'ירפה.'],
    "Persian": ["گربه می‌خوابد و سگ می‌دود.", "کتاب‌ها روی میز است."],
    "Urdu": ["لڑکا دوڑ رہا ہے۔", "بلی سو رہی ہے۔"],
    "Hindi": ["लड़की नदी के पास नाच रही है।", "कुत्ता ५ मीटर कूदता है।"],
    "Bengali": ["বিড়ালটি টেবিলের উপর লাফ দেয়।", "ছেলেটি বল খেলে।"],
    "Tamil": ["பூனை மேசையில் தூங்குகிறது.", "சிறுவன் ஓடுகிறான்."],
    "Thai": ["แมวกระโดดขึ้นบนโต๊ะ", "เด็กผู้หญิงกำลังวิ่งเล่นอยู่ในสวนสาธารณะตอนเช้ากับน้องชาย"],
    "Lao": ["ແມວນອນຢູ່ເທິງຕຽງ", "ເດັກນ້ອຍກຳລັງແລ່ນ"],
    "Khmer": ["ឆ្មាលោតលើតុ។", "ក្មេងប្រុសកំពុងរត់"],
    "Burmese": ["ကြောင်က စားပွဲပေါ် ခုန်တယ်။", "ကလေးတွေ ပြေးနေကြတယ်။"],
    "Amharic": ["ድመቷ ጠረጴዛ ላይ ትዘላለች።", "ልጁ ይሮጣል።"],
    "Chinese": ["一只猫跳上桌子，狗在叫。", "他说：“跑了3.5公里！”（真的）𠮷"],
    "Japanese": ["猫がテーブルに飛び乗る。", "「ラーメン」を食べている女の子ﾃｽﾄ"],
    "Korean": ["고양이가 탁자 위로 뛴다.", "소년이 공을 찬다!"],
    "Emoji": ["👩‍👩‍👧‍👦 dance 🏳️‍🌈 at 🇫🇷🇩🇪", "👍🏽 ok ☺️ 1️⃣ 🐕‍🦺"],
    "Marks": ["$5.99 ~ 100% #1 @home [END] <t 3> ## a__b C++ \\ / | `x` {y}",
              "\ue000\ue020 ﷽ a\u200bb \u2067c\u2069 ½ ²"],
    "Decomposed": ["cafe\u0301 e\u0302\u0323 \u1112\u1161\u11ab", "A\u030angstro\u0308m"],
}  # fmt: skip
TEXTS = [text for texts in LANGUAGES.values() for text in texts]


def vocabulary_of(captions, size=4000, **options):
    return build_vocabulary({"captions": captions, "questions": [], "answers": [], "labels": []}, size, **options)


@cache
def seen():
    return vocabulary_of(TEXTS * 10)


@cache
def cut():
    return vocabulary_of(TEXTS * 10, 64)


@cache
def unseen():
    return vocabulary_of(["a cat runs"] * 20)


def there_and_back(vocabulary, texts):
    tokenizer = make_tokenizer(vocabulary)
    return [text.decode() for text in tokenizer.detokenize(tokenizer.tokenize(tf.constant(texts))).numpy()]


@pytest.mark.parametrize("vocabulary", [seen, unseen, cut])
@pytest.mark.parametrize("language", LANGUAGES)
def test_round_trip(vocabulary, language):
    texts = LANGUAGES[language]
    assert there_and_back(vocabulary(), texts) == [normalise(text) for text in texts]


def test_round_trip_of_every_character():
    codes = [code for code in range(0x20, 0x2FF00, 23) if not 0xD800 <= code < 0xE000 and not 0xFDD0 <= code < 0xFDF0]
    texts = [f"a{chr(code)} {chr(code)}b" for code in codes]
    vocabulary = vocabulary_of(TEXTS * 10, keep_case=True)  # ICU does not know the capitals of the newest scripts
    assert there_and_back(vocabulary, texts) == [normalise(text, keep_case=True) for text in texts]


def test_case_is_kept_by_choice(tmp_path):
    vocabulary = vocabulary_of(TEXTS * 10, keep_case=True)
    assert there_and_back(vocabulary, TEXTS) == [normalise(text, keep_case=True) for text in TEXTS]
    assert there_and_back(vocabulary, ["The [END] of [PAD]"]) == ["The [END] of [PAD]"]
    vocabulary.save(tmp_path / "v.json")
    assert Vocabulary.load(tmp_path / "v.json") == vocabulary


def test_pieces_by_hand():
    vocabulary = vocabulary_of(["a dog can't jump 3.5 m, 一只猫"] * 20)
    tokenizer = make_tokenizer(vocabulary)

    def pieces(text):
        return [vocabulary.tokens[token] for token in tokenizer.tokenize(tf.constant(text)).numpy()]

    assert pieces("A dog can't, 一只猫") == ["a", "dog", "can", "##'", "##t", "##,", "一", "##只", "##猫"]
    assert pieces("dog,jump,a") == ["dog", "##,", JOIN, "jump", "##,", "##a"]  # one piece wherever it stands
    assert pieces("猫") == [WORD_START, "##猫"]
    assert pieces("3.5") == ["3", "##.", "##5"] and join(pieces("can't")) == "can't" and join(pieces("é")) == "é"
    # é is C3 A9; no text's own mark is ever a special token's.
    assert [SPELLING_PIECES.index(piece) for piece in pieces("é")] == [0, 1 + 0xC, 17 + 0x3, 1 + 0xA, 17 + 0x9]
    assert "[END]" not in pieces("[END]") and "##a" not in pieces("##a")[:1]


def test_small_vocabularies_stay_small_and_never_exceed_their_size():
    assert len(unseen().tokens) == 4 + 34 + len("acr") + len("atuns") + 2  # first letters, others, two words
    assert len(vocabulary_of(TEXTS, 64).tokens) == 64


def test_long_words_and_texts():
    text = "ก" * 400 + " " + "x" * 100_000
    assert there_and_back(seen(), [text]) == [text]


def test_broken_text_and_broken_tokens():
    assert there_and_back(seen(), [b"a\xffb", b"a\0b", ""]) == ["a\ufffdb", "a b", ""]
    tokenizer = make_tokenizer(unseen())
    low, high = (unseen().tokens.index(piece) for piece in (SPELLING_PIECES[20], SPELLING_PIECES[13]))
    texts = tokenizer.detokenize(tf.ragged.constant([[high, low], [low], [high], []])).numpy()
    assert [text.decode() for text in texts] == ["\ufffd", "\x03", "", ""]


@pytest.mark.whole
def test_captions_of_a_model(tmp_path):
    """In a saved graph, padded, without vtkeras: tensorflow and tensorflow-text are enough."""
    preprocessor = Preprocessor(DataConfig(caption_length=512), seen())
    module = tf.Module()
    module.back = tf.function(
        lambda text: preprocessor.to_text(preprocessor.caption(text)[1]), [tf.TensorSpec((None,), tf.string)]
    )
    tf.saved_model.save(module, str(tmp_path / "saved"))
    (tmp_path / "in.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    program = (
        "import sys, tensorflow as tf, tensorflow_text\n"
        "back = tf.saved_model.load('saved').back\n"
        "texts = open('in.txt', encoding='utf-8').read().split('\\n')\n"
        "open('out.txt', 'wb').write(b'\\n'.join(back(tf.constant(texts)).numpy()))\n"
        "assert 'vtkeras' not in sys.modules and 'keras_nlp' not in sys.modules\n"
    )
    environment = {"PATH": "/usr/bin:/bin", "TF_CPP_MIN_LOG_LEVEL": "3", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "out.txt").read_text(encoding="utf-8").split("\n") == [normalise(text) for text in TEXTS]


def test_older_vocabularies_are_put_together_as_a_person_writes():
    """Their pieces part words from marks; what stands between is guessed."""
    marks = ["'", "-", ".", ",", ":", "?", "(", ")", "一", "只", "猫", "。", "3", "5"]
    words = "a man s well known dog can t jump m l été x b".split()
    vocabulary = Vocabulary(("[PAD]", "[UNK]", "[START]", "[END]", *marks, *words), (), ())
    texts = ["a man's well-known dog can't jump 3.5 m.", "l'été, 一只猫。", "x (a, b)?", "3:5"]
    assert there_and_back(vocabulary, texts) == texts

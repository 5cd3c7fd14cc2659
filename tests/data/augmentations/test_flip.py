import numpy as np
import pytest
import tensorflow as tf

from vtkeras import keys
from vtkeras.data.augmentations.flip import flip, swapped, unsure

SEEDS = [tf.constant([0, number], tf.int64) for number in range(200)]
FRAMES = tf.constant(np.random.default_rng(0).integers(0, 256, (2, 3, 4, 3), dtype="uint8"))


@pytest.mark.parametrize(
    "text, mirrored",
    [
        ("The dog runs left, then RIGHT.", "The dog runs right, then LEFT."),
        ("left left right", "right right left"),
        ("Left-hand side, leftmost, upper-left", "Right-hand side, rightmost, upper-right"),
        ("swipe_left|turn right", "swipe_right|turn left"),
        ("turns clockwise, then anti-clockwise", "turns counterclockwise, then clockwise"),
        ("a bright cleft in the east's leftovers", "a bright cleft in the west's leftovers"),
        ("猫向左转,狗向右", "猫向右转,狗向左"),
        ("l\u00e9ft  a\nright é 🐈 ", "l\u00e9ft  a\nleft é 🐈 "),
        ("", ""),
        ("SwipeLeft|turnRight|swipeleft|HandRIGHT", "SwipeRight|turnLeft|swiperight|HandLEFT"),
        ("counter clockwise, anti clockwise", "clockwise, clockwise"),
        ("counter\u2010clockwise, Anti\u2011Clockwise, CLOCKWISE", "clockwise, Clockwise, COUNTERCLOCKWISE"),
        ("westbound, Southwestern, NE, ccw, CW, ACW", "eastbound, Southeastern, NW, cw, CCW, CW"),
        ("two lefts, ne, ← 👉 ➡\ufe0f", "two rights, ne, → 👈 ⬅\ufe0f"),
        ("upright, Bright, copyright", "upright, Bright, copyright"),
    ],
)
def test_whole_words_are_swapped_with_their_case(text, mirrored):
    assert swapped(tf.constant(text)).numpy().decode() == mirrored
    assert [one.decode() for one in swapped(tf.constant([text, "up"])).numpy()] == [mirrored, "up"]


@pytest.mark.whole
def test_mirrors_frames_and_every_text_or_nothing():
    texts = dict.fromkeys((keys.CAPTION, keys.MATCH_ID, keys.ANSWER, keys.LABEL), tf.constant("left"))
    example = {keys.FRAMES: FRAMES, keys.REFERENCES: tf.constant("to the left\nright"), **texts}
    example[keys.QUESTION] = tf.constant(["where?", "what is on the right?"])
    flips = 0
    for seed in SEEDS:
        changed = flip(example, 0.3, seed)
        mirrored = bool((changed[keys.FRAMES] != FRAMES).numpy().any())
        flips += mirrored
        np.testing.assert_array_equal(changed[keys.FRAMES], FRAMES[:, :, ::-1] if mirrored else FRAMES)
        assert {changed[key].numpy() for key in texts} == {b"right" if mirrored else b"left"}
        assert changed[keys.REFERENCES] == ("to the right\nleft" if mirrored else "to the left\nright")
        side = b"left" if mirrored else b"right"
        assert changed[keys.QUESTION].numpy().tolist() == [b"where?", b"what is on the " + side + b"?"]
    assert flips == pytest.approx(60, abs=20)  # 3 standard deviations


@pytest.mark.parametrize("text", [
    "He left the room", "it has left", "Right now it rains", "all right", "大约左右", "a man left.", "a right angle",
    "how many pieces are left?", "two apples left on the plate", "he had already left",
    "what is left on the table?", "the food left on the plate", "The dog left with the ball", "a dog barked and left",
    "a right triangle", "the guests left early", "the runners left", "counter  clockwise", "human rights",
    "file → save", "a western film", "shopleft", "in the right place", "turn right away",
])  # fmt: skip
def test_a_clip_whose_left_may_be_no_direction_stays(text):
    example = {keys.FRAMES: FRAMES, keys.CAPTION: tf.constant(text), keys.QUESTION: tf.constant(["", "left?"])}
    for seed in SEEDS[:5]:
        changed = flip(example, 1.0, seed)
        np.testing.assert_array_equal(changed[keys.FRAMES], FRAMES)
        assert changed[keys.CAPTION] == text and changed[keys.QUESTION].numpy().tolist() == [b"", b"left?"]


@pytest.mark.parametrize("text", [
    "left", "to the left\nright", "The dog runs left, then RIGHT.", "a red square is moving right on grey",
    "left left right", "is the red object on the left?", "digit 7 is moving left and right", "left or right?",
    "from left to right", "left of the red cube", "upper-left corner", "a left-handed man with its left arm up",
    "swipe_left|turn right",
    "SwipeLeft|turnRight|swipeleft", "the left digit", "it turns to the right", "two lefts", "←|→", "➡\ufe0f",
    "a bright and upright cleft", "westbound traffic", "turns counter-clockwise", "a man is looking to his left", "",
    "the car changes to the right lane", "a cat sits", "猫向左转",
])  # fmt: skip
def test_a_direction_beyond_doubt(text):
    assert not unsure(tf.constant(text)) and unsure(tf.constant([text, "he left"])).numpy().tolist() == [False, True]

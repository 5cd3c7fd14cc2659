"""Attention: a word is clicked, and the video shows where the model looked and whether the word rests on it."""

from functools import partial
from pathlib import Path

import numpy as np
import streamlit as st

from dashboards import common, jobs
from dashboards.attention import choose_word, frame_chart, show_faithfulness, show_frames
from dashboards.clips import Chosen, choose_clip
from dashboards.provenance import Files, show_provenance
from vtkeras.explain import attention_tables
from vtkeras.explain.animation import as_gif
from vtkeras.serving import explanation, pictures, schema
from vtkeras.serving.explanation import METHODS, ROLLOUT, Explanation
from vtkeras.workspace import media
from vtkeras.workspace.runs import RunCard

CAPTION, ANSWER = "Caption", "Answer"


def explain(model: Path, chosen: Chosen, can: list[str]) -> Explanation | None:
    """What the visitor wants explained, of what this model can do; None while the question is missing."""
    what = st.segmented_control("Explain the", can, default=can[0], required=True)
    if what == CAPTION:
        return common.explain(model, chosen.frames, chosen.times, None)
    known = chosen.clip.questions if chosen.clip else ()
    question = st.text_input(
        "Question",
        value=known[0] if known else "",
        placeholder="e.g. how many digits are there?",
        max_chars=500,
    )
    return common.explain(model, chosen.frames, chosen.times, question) if question.strip() else None


def choose_maps(found: Explanation) -> tuple[str, np.ndarray]:
    """Maps of every word by the method, layer and head that the visitor chose, and their name."""
    layers, heads = found.attention.shape[1:3]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        method = st.segmented_control(
            "Method", found.methods, default=found.methods[0], required=True, help="  \n".join(METHODS.values())
        )
        if method == ROLLOUT:
            return method, found.maps(method)
        layer, head = choose_part("layer", layers), choose_part("head", heads)
    if ROLLOUT not in found.methods:
        st.caption("This model was exported without attention rollout; `vtkeras export` on it again adds it.")
    parts = [f"{name} {part + 1}" for name, part in (("layer", layer), ("head", head)) if part is not None]
    return " ".join([method, *parts]), found.maps(method, layer, head)


def choose_part(name: str, count: int) -> int | None:
    """One of `count` layers or heads; None is their mean."""
    return st.selectbox(
        name.capitalize(),
        [None, *range(count)],
        format_func=lambda part: f"all {count} (mean)" if part is None else f"{part + 1} of {count}",
        width=160,
    )


def show_word(found: Explanation, maps: np.ndarray, word: int, moving: tuple[np.ndarray, float]) -> None:
    """The video where this word looked."""
    left, right = st.columns([1, 2], gap="large")
    with left:
        if len(found.frames) > 1:
            st.video(media.as_mp4(*moving), loop=True, autoplay=True, muted=True)
        else:
            st.image(moving[0][0], width="stretch")
    with right:
        show_frames(found.frames, maps[word], found.times)
        with st.expander("Every word and frame"):
            st.altair_chart(frame_chart(found.words, found.times, attention_tables.frame_sums(maps)))


def show_check(model: Path, found: Explanation, maps: np.ndarray, word: int) -> dict:
    """Deletion and insertion against random orders, once the visitor asks; gives {word: finding}."""
    st.subheader("Does the word rest on that?", anchor=False)
    if not st.toggle("Take patches out and see what becomes of the word"):
        return {}
    title = f"the word “{found.words[word]}” of “{found.text}”"
    judged = jobs.run(title, "vtkeras.serving.explanation:judge", model, found, maps, [word])
    if judged is None:
        return {}
    [judged] = judged
    show_faithfulness(judged)
    return {word: judged}


def show_earlier() -> None:
    """What the address names, which goes on while no page is open."""
    title, judged = jobs.earlier() or ("", None)
    if judged is not None:
        st.subheader(common.plain(f"Does {title} rest on where the model looked?"), anchor=False)
        show_faithfulness(judged[0])


def show(card: RunCard, chosen: Chosen) -> None:
    """From the clip to the word, to where it looked, to whether that is so."""
    answers = card.can("answer") or card.can("write_answer")
    can = [CAPTION] * card.can("caption") + [ANSWER] * answers
    if not can:
        st.info("This model neither writes captions nor answers: choose another.", icon=":material/info:")
        return
    found = explain(card.folder, chosen, can)
    if found is None:
        return
    novelty = common.novelty(card.folder, chosen.frames)
    if novelty and novelty.foreign:
        st.warning(common.plain(novelty.guess.capitalize()), icon=":material/explore_off:")
    if not found.words:
        st.info("The caption is empty: there is no word to explain.", icon=":material/info:")
        return
    names = [f"{name} {share:.0%}" for name, share in zip(found.words, found.probabilities)]
    title = "Choose a word to see where the model looked for it"
    if found.kind == explanation.ANSWER:
        names[1:], title = found.words[1:], "The answer, and the words of the question"
    word = choose_word(names, title, key=f"{found.kind} {' '.join(found.words)}")
    method, maps = choose_maps(found)
    moving = pictures.to_frames(found, maps, [word])
    show_word(found, maps, word, moving)
    judged = {}
    with common.shown_errors():
        judged = show_check(card.folder, found, maps, word)
    words = list(range(len(found.words)))
    for line in (*explanation.notes(found), *pictures.not_shown(found.words, len(words))):
        st.caption(common.plain(line))
    values = schema.explanation(found, method, maps, judged, chosen.source, card.info)
    files: Files = {
        "PNG": (partial(pictures.to_png, found, maps, words), "words.png", "image/png"),
        "GIF": (partial(as_gif, *moving), "look.gif", "image/gif"),
        "mp4": (partial(media.as_mp4, *moving), "look.mp4", "video/mp4"),
        "JSON": (schema.to_json(values), "explanation.json", "application/json"),
    }
    show_provenance(card.folder, chosen.name, files)


st.title("Attention", anchor=False)
with common.shown_errors():
    if common.find_readers():
        card = common.read_card(common.choose_model(common.find_readers()))
        clip_chosen = choose_clip(card.folder, card.clip_size)
        if clip_chosen:
            show(card, clip_chosen)
        else:  # after a page was loaded again
            show_earlier()
    else:
        st.info("No exported model to look into yet. This makes one:", icon=":material/flag:")
        st.code(common.demo_command(), language="bash")

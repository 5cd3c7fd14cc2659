"""Playground: a clip gets its caption, answers questions, and shows where the model looked."""

from pathlib import Path

import pandas as pd
import streamlit as st

from dashboards import common
from dashboards.attention import show_attention, show_shares
from dashboards.clips import Chosen, choose_clip, show_chosen
from dashboards.decoding import choose_decoding, show_beams
from dashboards.provenance import show_provenance
from vtkeras.explain import attention_tables
from vtkeras.serving import schema
from vtkeras.serving.predictor import Predictor
from vtkeras.serving.results import Answer, Caption

MOST_LABELS = 15


def show_caption(caption: Caption, chosen: Chosen) -> None:
    """The caption, how sure the model is of it, and where each word looked."""
    st.subheader(common.plain(caption.text) or "(an empty caption)", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(f"{caption.score:.0%} confidence", color="blue")
        if chosen.clip and chosen.clip.captions:
            same = caption.text in chosen.clip.captions
            st.badge("as written" if same else "not as written", color="green" if same else "orange")
    if chosen.clip and chosen.clip.captions:
        st.caption(f"Written for this clip: {common.plain(chosen.clip.captions[0])}")
    show_beams(caption.beams)
    title = "Each word with the model's confidence; choose one to see where it looked"
    show_attention(caption, chosen.times, title, with_confidence=True)


def show_answer(model: Path, predictor: Predictor, chosen: Chosen) -> list[tuple[str, Answer]]:
    """A question and its answer, with what else it could have been and the frames behind it."""
    known = chosen.clip.questions if chosen.clip else ()
    if known:
        st.pills(
            "Asked of this clip", known, format_func=common.plain, key="suggestion", on_change=take_suggestion
        )
    question = st.text_input(
        "Question", key="question", placeholder="e.g. how many digits are there?", max_chars=500
    )
    if not question.strip():
        return []
    choices = ""
    if predictor.can("choose"):
        hint = "answers to choose from, divided by |; empty for any answer"
        choices = st.text_input("Choices", key="choices", placeholder=hint, max_chars=2000)
    answer = common.answer(model, chosen.frames, question, tuple(filter(str.strip, choices.split("|"))))
    st.subheader(common.plain(answer.text) or "(no answer)", anchor=False)
    st.badge(f"{answer.score:.0%} confidence", color="blue")
    if answer.unread:
        st.warning(
            f"The question is too long for this model: the last {answer.unread} word pieces were not read.",
            icon=":material/content_cut:",
        )
    left, right = st.columns([4, 5])
    with left:
        st.markdown("**Likeliest answers**" if answer.alternatives else "Written word by word")
        show_shares(pd.DataFrame(answer.alternatives[:5], columns=["answer", "probability"]), "probability")
    with right:
        st.markdown("**Frames looked at most**")
        places = attention_tables.real_frames(answer.frame_indices)
        times = chosen.times[[answer.frame_indices[place] for place in places]]
        shares = attention_tables.question_shares(answer.attention)[places]
        show_shares(attention_tables.most_looked_at(shares, times), "attention")
    title = "Where the model looked while it read each word of the question"
    show_attention(answer, chosen.times, title, with_confidence=False)
    return [(question, answer)]


def take_suggestion() -> None:
    st.session_state.question = st.session_state.suggestion or ""


def show_labels(labels: list[tuple[str, float]]) -> None:
    """Every label with its own probability."""
    st.caption("Each label has a probability of its own; they do not sum to 1.")
    show_shares(pd.DataFrame(labels[:MOST_LABELS], columns=["label", "probability"]), "probability")
    if len(labels) > MOST_LABELS:
        st.caption(f"The {MOST_LABELS} likeliest of {len(labels)}.")


def show_results(model: Path, predictor: Predictor, chosen: Chosen) -> None:
    """Player on the left, results and where they come from on the right."""
    caption, answers, labels = None, [], []
    left, right = st.columns([1, 2], gap="large")
    with right:
        endpoints = {"Caption": ("caption",), "Ask": ("answer", "write_answer"), "Labels": ("classify",)}
        can = [title for title, ways in endpoints.items() if any(map(predictor.can, ways))]
        tabs = dict(zip(can, st.tabs(can)))
        if "Caption" in tabs:
            with tabs["Caption"]:
                written = st.container()  # the caption stands above what it was asked for
                caption = common.caption(model, chosen.frames, choose_decoding(predictor))
            with written:
                show_caption(caption, chosen)
        if "Ask" in tabs:
            with tabs["Ask"], common.shown_errors():
                answers = show_answer(model, predictor, chosen)
        if "Labels" in tabs:
            with tabs["Labels"], common.shown_errors():
                labels = common.classify(model, chosen.frames)
                show_labels(labels)
        as_json = schema.to_json(predictor.info, chosen.name, chosen.times, caption, answers, labels)
        as_csv = schema.to_csv(predictor.info, chosen.name, caption, answers, labels)
        files = {
            "JSON": (as_json, "result.json", "application/json"),
            "CSV": (as_csv, "result.csv", "text/csv"),
        }
        show_provenance(model, chosen.name, files)
    with left:
        show_chosen(chosen, caption.text if caption else "")


st.title("Playground", anchor=False)
with common.shown_errors():
    if common.find_models():
        model_folder = common.choose_model(common.find_models())
        loaded = common.load_model(model_folder)
        clip_chosen = choose_clip(model_folder, loaded.clip_size)
        if clip_chosen:
            show_results(model_folder, loaded, clip_chosen)
    else:
        st.info("No exported model to play with yet. This makes one:", icon=":material/flag:")
        st.code("make demo", language="bash")
        st.page_link("views/home.py", label="Other ways", icon=":material/home:")

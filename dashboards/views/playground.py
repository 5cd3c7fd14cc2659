"""Playground: a clip gets its caption, answers questions, and shows where the model looked."""


import pandas as pd
import streamlit as st

from dashboards import common
from dashboards.attention import show_attention, show_shares
from dashboards.clips import Chosen, choose_clip, show_chosen
from dashboards.decoding import choose_decoding, show_beams
from dashboards.provenance import show_provenance
from vtkeras.explain import attention_tables
from vtkeras.serving import schema
from vtkeras.serving.results import Answer, Caption, Novelty
from vtkeras.workspace.runs import RunCard

MOST_LABELS = 15


def show_caption(caption: Caption, chosen: Chosen) -> None:
    """The caption, how sure the model is of it, and where each word looked."""
    st.subheader(common.plain(caption.text) or "(an empty caption)", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(f"{caption.word_score:.0%} a word", color="blue")
        if chosen.clip and chosen.clip.captions:
            same = caption.is_one_of(chosen.clip.captions)
            st.badge("as written" if same else "not as written", color="green" if same else "orange")
    if chosen.clip and chosen.clip.captions:
        st.caption(f"Written for this clip: {common.plain(chosen.clip.captions[0])}")
    show_beams(caption.beams)
    title = "Each word with the model's confidence; choose one to see where it looked"
    show_attention(caption, chosen.times, title, with_confidence=True, name="Caption")


def ask(card: RunCard, chosen: Chosen) -> dict:
    """A question and every answer that the model gives to it."""
    known = chosen.clip.questions if chosen.clip else ()
    if known:
        st.pills(
            "Asked of this clip", known, format_func=common.plain, key="suggestion", on_change=take_suggestion
        )
    question = st.text_input(
        "Question", key="question", placeholder="e.g. how many digits are there?", max_chars=500
    )
    if not question.strip():
        return {}
    choices = ""
    if card.can("choose"):
        hint = "answers to choose from, divided by |; empty for any answer"
        choices = st.text_input("Choices", key="choices", placeholder=hint, max_chars=2000)
    answers = common.answers(card.folder, chosen.frames, question, tuple(filter(str.strip, choices.split("|"))))
    if len(answers) > 1:
        st.caption(
            "The model answers in two ways that differ here: one chooses from the answers that training showed, the "
            "other writes word by word what may be new."
        )
    for number, (_, answer) in enumerate(answers, start=1):
        show_answer(answer, chosen, f"Answer {number}")
    return {"answers": answers}


def show_answer(answer: Answer, chosen: Chosen, name: str) -> None:
    """An answer, what else it could have been and the frames behind it; `name` tells several on the page apart."""
    st.subheader(common.plain(answer.text) or "(no answer)", anchor=False)
    with st.container(horizontal=True):
        st.badge(f"{answer.score:.0%} confidence", color="blue")
        st.badge(answer.how, color="gray")
    if answer.unread:
        st.warning(
            f"The question is too long for this model: the last {answer.unread} word pieces were not read.",
            icon=":material/content_cut:",
        )
    left, right = st.columns([4, 5])
    if answer.alternatives:
        with left:
            st.markdown("**Likeliest answers**")
            show_shares(pd.DataFrame(answer.alternatives[:5], columns=["answer", "probability"]), "probability")
    with right:
        st.markdown("**Frames looked at most**")
        places = attention_tables.real_frames(answer.frame_indices)
        times = chosen.times[[answer.frame_indices[place] for place in places]]
        shares = attention_tables.question_shares(answer.attention)[places]
        show_shares(attention_tables.most_looked_at(shares, times), "attention")
    title = "Where the model looked while it read each word of the question"
    show_attention(answer, chosen.times, title, with_confidence=False, name=name)


def take_suggestion() -> None:
    st.session_state.question = st.session_state.suggestion or ""


def classify(card: RunCard, chosen: Chosen) -> dict:
    """Every label with its probability."""
    labels = common.classify(card.folder, chosen.frames)
    total = sum(probability for _, probability in labels)
    st.caption(f"The probabilities of all {len(labels)} labels sum to {total:.2f}.")
    show_shares(pd.DataFrame(labels[:MOST_LABELS], columns=["label", "probability"]), "probability")
    if len(labels) > MOST_LABELS:
        st.caption(f"The {MOST_LABELS} likeliest of {len(labels)}.")
    return {"labels": labels}


def write_caption(card: RunCard, chosen: Chosen) -> dict:
    """The caption above what it was asked for."""
    above = st.container()
    caption = common.caption(card.folder, chosen.frames, choose_decoding(card))
    with above:
        show_caption(caption, chosen)
    return {"caption": caption}


# What this page shows of a model, by the endpoint that it asks.
VIEWS = {"caption": write_caption, "answer": ask, "write_answer": ask, "classify": classify}


def choose_views(card: RunCard) -> dict:
    """{view: title} of what the model can be asked for, in the order of its heads."""
    found: dict = {}
    for head in card.heads:
        for endpoint in head.endpoints:
            if endpoint in VIEWS:
                found.setdefault(VIEWS[endpoint], head.title)
    return found


def speaks_anyway(novelty: Novelty) -> bool:
    """Tells that the model has no words for the clip; whether the visitor asks for some all the same."""
    st.warning(common.plain(novelty.sentence.capitalize()), icon=":material/explore_off:")
    return st.toggle("Let it guess anyway", key="anyway")


def show_results(card: RunCard, chosen: Chosen) -> None:
    """Player on the left, results and where they come from on the right."""
    views, results = choose_views(card), {}
    left, right = st.columns([1, 2], gap="large")
    with right:
        if not views:
            st.info("This model has nothing to say of a single clip: choose another.", icon=":material/info:")
            return
        novelty = common.novelty(card.folder, chosen.frames)
        if novelty and novelty.foreign and not speaks_anyway(novelty):
            views = {}
        for view, tab in zip(views, st.tabs(list(views.values())) if views else ()):
            with tab, common.shown_errors():
                results |= view(card, chosen)
        found = schema.Description(chosen.source, chosen.times, note=chosen.note, novelty=novelty, **results)
        files = {
            "JSON": (schema.to_json(schema.description(found, card.info)), "result.json", "application/json"),
            "CSV": (schema.to_csv(found, card.info), "result.csv", "text/csv"),
        }
        show_provenance(card.folder, chosen.name, files)
    with left:
        show_chosen(chosen, found.caption.text if found.caption else "")


st.title("Playground", anchor=False)
with common.shown_errors():
    if common.find_readers():
        card = common.read_card(common.choose_model(common.find_readers()))
        clip_chosen = choose_clip(card.folder, card.clip_size)
        if clip_chosen:
            show_results(card, clip_chosen)
    else:
        st.info("No exported model to play with yet. This makes one:", icon=":material/flag:")
        st.code(common.demo_command(), language="bash")
        st.page_link("views/home.py", label="Other ways", icon=":material/home:")

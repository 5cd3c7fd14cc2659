"""Controls for how a caption is written."""

import streamlit as st

from dashboards import common
from vtkeras.errors import command
from vtkeras.serving.decoding import GREEDY, Decoding
from vtkeras.workspace.runs import RunCard

NAMES = {"greedy": "Likeliest word each time", "beam": "Beam search", "sample": "By chance"}


def choose_decoding(card: RunCard) -> Decoding:
    """Strategy, its options and the limits; greedy for a model that knows nothing else."""
    with st.expander("How the caption is written"):
        if not card.can_choose_decoding:
            st.caption("This model was exported when it knew only the likeliest word each time. For more:")
            st.code(command("export", card.folder), language="bash")
            return GREEDY
        strategy = st.segmented_control(
            "Decoding", list(NAMES), format_func=NAMES.get, default="greedy", required=True, key="decode"
        )
        options = {"beam": beam_options, "sample": sample_options}.get(strategy, dict)()
        return Decoding(strategy, **options, **choose_limits(card.config.data.caption_length))


def beam_options() -> dict:
    left, right = st.columns(2)
    return {
        "beams": left.slider("Beams", 1, 16, 4, key="beams", help="Texts carried on side by side."),
        "length_penalty": right.slider(
            "Length penalty", -2.0, 3.0, 0.6, 0.1, key="length_penalty", help="More favours longer texts."
        ),
    }


def sample_options() -> dict:
    left, middle, right, last = st.columns(4)
    return {
        "temperature": left.slider(
            "Temperature", 0.0, 3.0, 1.0, 0.1, key="temperature", help="More takes more chances; 0 takes none."
        ),
        "top_k": middle.number_input("Top k", 0, 1000, 0, key="top_k", help="Among the k likeliest; 0 is all."),
        "top_p": right.slider(
            "Top p", 0.05, 1.0, 1.0, 0.05, key="top_p", help="Among the likeliest that sum to p."
        ),
        "seed": last.number_input(
            "Seed", 0, 2**31 - 1, 0, key="seed", help="The same seed writes the same text."
        ),
    }


def choose_limits(longest: int) -> dict:
    """Bounds on the length, and on repeating oneself."""
    left, right = st.columns(2)
    least, most = left.slider(
        "Word pieces, at least and at most", 0, longest, (0, longest), key="lengths", help="The end counts."
    )
    no_repeat = right.slider("Nothing twice of this many words", 0, 4, 0, key="no_repeat", help="0 lets it.")
    most = max(most, 1)
    return {
        "min_length": min(least, most - 1),
        "max_length": most if most < longest else None,
        "no_repeat": no_repeat,
    }


def show_beams(beams: list[tuple[str, float]]) -> None:
    """The texts that beam search ended with, best first."""
    if len(beams) > 1:
        with st.expander("The other beams"):
            for text, score in beams[1:]:
                st.markdown(f"{common.plain(text) or '(an empty caption)'} · {score:.3f}")

"""Folder: the visitor's own videos and pictures, named and searchable with no training."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import streamlit as st

from dashboards import clips, common, jobs
from vtkeras.data.captions import read_captions
from vtkeras.errors import UserError, command
from vtkeras.folders import jobs as studies
from vtkeras.folders.listing import Listing, list_folder, spell_closed
from vtkeras.folders.search import SENTENCES, Found, encoder_key, find, tags
from vtkeras.folders.store import PROBLEM, STUDIED, File, FolderStore
from vtkeras.pretrained.imagenet import class_names
from vtkeras.serving.results import readable
from vtkeras.summaries.write import clock
from vtkeras.tagging.zero_shot import ConceptSpace, concept_space
from vtkeras.workspace import media

FOLDER = "VTKERAS_FOLDER"  # what `vtkeras open` was given
TILE, PAGE = 200, 24  # pixels, files
SEARCH = "vtkeras.search.search:search"
LARGE = 1600  # pixels of a picture's longer side, of which a click on it shows all
EVERY = 2.0  # seconds between two looks at what has been found out, at least;
FILES_A_SECOND = 1000  # of a folder with more files the looks are rarer, so that they do not slow the work down


def choose_folder() -> Path | None:
    """The folder that `vtkeras open`, the address or the visitor names."""
    named = st.query_params.get("folder") or os.environ.get(FOLDER, "")
    shown = common.escaped(named)
    text = st.text_input("Folder on this machine", shown, placeholder="/data/videos")
    chosen = named if text == shown else text.strip()  # a name that was given may end in a space, or be no text
    return Path(chosen) if chosen else None


def first_steps() -> None:
    st.info("Videos and pictures of your own: what is there, what is on them, found by words.", icon=":material/flag:")
    st.code("vtkeras open FOLDER", language="bash")


def begin(folder: Path) -> tuple[Listing, FolderStore]:
    """Lists the folder; the first time in a session what is new in it is looked at in the background."""
    listing, store = list_folder(folder), FolderStore(folder)
    begun = st.session_state.setdefault("begun", set())
    if store.folder not in begun:
        store.refresh(listing.files)
        if not studies.is_running(store):
            studies.start(store)
        begun.add(store.folder)
    return listing, store


def show_folder(listing: Listing, store: FolderStore, texts: Mapping[str, str], running: bool) -> None:
    """All there is of a folder as far as it is known; the page runs again once the work on it has begun or ended."""
    if running != studies.is_running(store):
        st.rerun()
    files = store.files()
    show_totals(files, listing)
    show_next(listing, texts)
    show_progress(store, running)
    names = class_names() if store.note("encoder") else []
    found = show_search(store, files, texts, bool(names))
    amiss = [file for file in files if told_amiss(file)]
    gallery, table, faults = st.tabs(["Pictures", "Table", f"Faults ({len(amiss)})"])
    with gallery:
        show_gallery(store, found, names)
    with table:
        show_table([one.file for one in found], texts, names)
    with faults:
        show_faults(amiss, store)


def show_totals(files: list[File], listing: Listing) -> None:
    """How many there are, how long and how large."""
    videos = [file for file in files if file.known.duration]
    seen = [file for file in files if file.known.codec]
    codecs = pd.Series([file.known.codec for file in seen], dtype=object).value_counts()
    values = {
        "Files": f"{len(files):,}",
        "Videos": f"{len(videos):,}",
        "Pictures": f"{len(seen) - len(videos):,}",
        "Length": clock(sum(file.known.duration for file in videos)),
        "Size": media.spell_size(sum(file.size for file in files)),
    }
    with st.container(horizontal=True):
        for label, value in values.items():
            st.metric(label, value, width=130)
    lines = ["Codecs: " + ", ".join(f"{codec} {count:,}" for codec, count in codecs.items())] if seen else []
    if listing.others:
        others = ", ".join(f"{count:,} {kind}" for kind, count in listing.others.most_common(5))
        lines.append(f"Other files, left alone: {others}")
    if listing.left_out:
        lines.append(f"{listing.left_out:,} more files are left out: give a folder further down")
    if listing.closed:
        lines.append(spell_closed(listing.closed))
    st.caption(common.plain(" · ".join(lines)))


def show_progress(store: FolderStore, running: bool) -> None:
    """How far the work in the background is, why it ended before its end, and how to get names."""
    counts = store.counts()
    if counts[STUDIED] < counts[0]:
        total, seen, named, studied = (f"{count:,}" for count in counts)
        told = f"Of {total} files {seen} are looked at, {named} named, {studied} named over time and checked."
        if running:
            st.progress(sum(counts[1:]) / (STUDIED * counts[0]), common.plain(told))
        else:
            st.warning(common.plain(store.note(PROBLEM) or f"Interrupted. {told}"))
            st.button("Go on", icon=":material/play_arrow:", on_click=studies.start, args=(store,))
    if not encoder_key():
        st.info(
            "Names and search by meaning need packages with pretrained weights: run "
            "`vtkeras pretrained install`, then load this page again.",
            icon=":material/label_off:",
        )


def show_search(store: FolderStore, files: list[File], texts: Mapping[str, str], named: bool) -> list[Found]:
    """The files that the visitor's words lead to, nearest first; all in order of name while there are none."""
    with st.container(horizontal=True):
        models = [None, *common.find_searchers()]
        by = "what is on them, with no training" if named else "names and texts"
        model = st.selectbox("Search by", models, format_func=lambda one: common.short(one) if one else by)
        untrained = "Search by words, in any of 16 languages" if named else "Words in the files' names and texts"
        label = "Words, as in the captions that it was trained on" if model else untrained
        text = st.text_input(label, placeholder="a dog on the beach", key="search").strip()
    if not text:
        return [Found(file, None, 0.0) for file in files]
    if model:
        found = []
        with common.shown_errors():
            found = find_by_model(store, files, text, model)
        return found
    found = find(text, files, space() if named else None, texts)
    exact = sum(one.score is None for one in found)
    meaning = f", then {len(found) - exact:,} by what is on them (a cosine: about 0 for what has nothing to do with it)"
    st.caption(f"{exact:,} with these words in name or text{meaning if named else ''}")
    return found


def find_by_model(store: FolderStore, files: list[File], text: str, model: Path) -> list[Found]:
    """The files that a trained model finds, best first; each is read once, and its vector kept.

    The search is a job, which can be stopped. What it found stays until the model or the text changes, or the visitor
    asks for the files that came since.
    """
    by_path = {store.folder / file.path: file for file in files if file.known.codec and not file.known.fault}
    asked = common.model_key(model), store.folder, text
    if st.session_state.get("searched", (None,))[0] != asked:  # the page runs again while files are looked at
        st.session_state["searched"] = asked, {path: common.version(path) for path in by_path}
    _, among = st.session_state["searched"]
    found = jobs.run(f"search for “{text[:60]}”", SEARCH, model, [*among], text, version=tuple(among.values()))
    if found is None:
        return []
    if came := len(by_path.keys() - among.keys()):
        label, again = f"Search again with {came:,} more", st.session_state.pop
        st.button(label, icon=":material/refresh:", on_click=again, args=("searched",))
    if found.faults:
        with st.expander(f"Not searched ({len(found.faults):,})"):
            st.dataframe(pd.DataFrame({"why": [readable(fault) for fault in found.faults]}), hide_index=True)
    for note in found.notes:
        st.info(common.plain(note), icon=":material/info:")
    read = sum(match.chance is not None for match in found.found)
    told = f"the chance of each of the first {read:,}, which the captioner read beside the words; of the others "
    st.caption(f"Best first. The number is {told if read else ''}the cosine to the words.")
    matches = [(by_path.get(Path(match.video)), match) for match in found.found]
    return [
        Found(file, match.cosine if match.chance is None else match.chance, 0.0)
        for file, match in matches
        if file  # some may be gone since
    ]


@st.cache_resource(max_entries=1, show_spinner="Getting ready to search (once on this machine, some seconds)")
def space() -> ConceptSpace:
    return concept_space(class_names(), SENTENCES)


def show_gallery(store: FolderStore, found: list[Found], names: list[str]) -> None:
    """A picture, names and a button for each file; the chosen file above them."""
    folder, *chosen = st.session_state.get("shown file", [None])
    if folder == store.folder:
        with common.shown_errors():
            show_file(folder / chosen[0], chosen[1])
    first = found[0].file.path if found else ""  # other files begin at the first page
    key = common.escaped(f"folder page {store.folder} {len(found)} {first}")
    shown = common.one_page(found, PAGE, key)
    with st.container(horizontal=True, gap="small"):
        for one in shown:
            with st.container(width=TILE, gap="xsmall", border=True):
                show_tile(store, one, names)


def show_tile(store: FolderStore, one: Found, names: list[str]) -> None:
    """A picture of a file, a button that shows it large or plays it, and what is known of it."""
    file, known = one.file, one.file.known
    best = tags(file, names)
    if preview := store.preview(file.path):
        st.image(preview, width="stretch")
        seconds = one.seconds or (best[0].seconds if best else 0.0)
        label, icon = (f"Play from {int(seconds)} s", "play_arrow") if known.duration else ("Enlarge", "zoom_in")
        st.button(
            label, icon=f":material/{icon}:", key=f"show {common.escaped(file.path)}", width="stretch",
            on_click=select_file, args=(store.folder, file.path, seconds),
        )  # fmt: skip
    score = f" · **{one.score:.2f}**" if one.score is not None else ""
    length = f" · {clock(known.duration)}" if known.duration else ""
    lines = [common.plain(Path(file.path).name) + length + score]
    lines += [common.plain(f"{tag.name} {tag.score:.2f}" + f" at {tag.seconds:.1f} s" * bool(length)) for tag in best]
    if known.names and not best:
        lines.append("nothing that ImageNet has a name for")
    st.caption("  \n".join(lines))
    for fault in short_faults(file):
        st.badge(common.plain(fault), icon=":material/warning:", color="orange")


def short_faults(file: File) -> list[str]:
    """What is wrong with a file, in a word or two each."""
    read = ["cannot be read"] if file.known.fault else ["incomplete"] if file.known.note else []
    return read + [finding.split(":")[0] for finding in file.known.findings]


def select_file(folder: Path, path: str, seconds: float) -> None:
    st.session_state["shown file"] = folder, path, seconds


def show_file(path: Path, seconds: float) -> None:
    """A player that starts at a time, or the picture."""
    info = common.inspect(path)
    video = clips.playable(path, info)
    with st.container(width=480):
        if video is None:
            st.image(common.read_moment(path, None, LARGE), width="stretch")  # turned as a player turns it
        else:
            st.video(video, start_time=seconds, muted=True)
        st.caption(common.plain(f"{path.name} · {clips.spell_facts(info, video)}"))


def show_table(files: list[File], texts: Mapping[str, str], names: list[str]) -> None:
    rows = [
        {
            "file": readable(file.path),
            "on it": ", ".join(f"{tag.name} {tag.score:.2f}" for tag in tags(file, names)),
            "seconds": file.known.duration or None,
            "width": file.known.width or None,
            "height": file.known.height or None,
            "frames/s": file.known.fps if file.known.duration else None,
            "codec": file.known.codec,
            "kB": file.size / 1024,
            "text": texts.get(file.path, ""),
            "amiss": told_amiss(file),
        }
        for file in files
    ]
    number = st.column_config.NumberColumn
    formats = {"seconds": number(format="%.1f"), "frames/s": number(format="%.1f"), "kB": number(format="%.0f")}
    st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=formats)


def show_faults(files: list[File], store: FolderStore) -> None:
    counts = store.counts()
    if not files:
        st.markdown("None among the files that were checked." if counts[STUDIED] else "Not checked yet.")
        return
    rows = [{"file": readable(file.path), "amiss": told_amiss(file)} for file in files]
    st.dataframe(pd.DataFrame(rows), hide_index=True)
    st.caption("A file that cannot be read is left out of training; the others are only told. Nothing is deleted.")


def told_amiss(file: File) -> str:
    """What is wrong with a file, or suspicious; "" if nothing is."""
    told = (file.known.fault or file.known.note).removeprefix(f"{file.path} ")
    return readable("; ".join(filter(None, [told, *file.known.findings])))


def read_texts(listing: Listing) -> dict[str, str]:
    """Captions, questions and labels by file; a bad file with texts is told."""
    if listing.captions is None:
        return {}
    try:
        paths = os.fsencode(listing.captions), os.fsencode(listing.folder)
        return _read_texts(*paths, common.version(listing.captions))
    except UserError as error:
        st.warning(common.plain(str(error)), icon=":material/warning:")
        return {}


@st.cache_data(max_entries=8, show_spinner="Reading the texts")
def _read_texts(captions: bytes, folder: bytes, version: int) -> dict[str, str]:
    texts: dict[str, list[str]] = {}
    for row in read_captions(os.fsdecode(captions), os.fsdecode(folder)):
        said = [*row.captions, *(f"{question} {answer}" for question, answer in row.questions), *row.labels]
        texts.setdefault(row.path, []).extend(said)
    return {path: " · ".join(dict.fromkeys(said)) for path, said in texts.items()}


def show_next(listing: Listing, texts: Mapping[str, str]) -> None:
    """What to do next, in two lines."""
    told = "All this comes with no training. A model of your own learns from texts: "
    if listing.captions and texts:
        told += f"{len(texts):,} of {len(listing.files):,} files have some, in {common.plain(listing.captions.name)}."
    elif listing.untaken:
        told += common.plain(listing.untaken)
    else:
        told += "put a `captions.csv` into it, with `path` and any of `caption`, `question`, `answer`, `label`, "
        told += "or the files of each label into a subfolder of their own."
    train = readable(command("train", "--data", listing.folder))
    st.caption(told + f"  \nThen `{train}` makes one out of them.")


st.title("Folder", anchor=False)
with common.shown_errors():
    folder = choose_folder()
    if folder is None:
        first_steps()
    else:
        listing, store = begin(folder)
        texts = read_texts(listing)
        running = studies.is_running(store)
        every = max(EVERY, len(listing.files) / FILES_A_SECOND)
        st.fragment(show_folder, run_every=every if running else None)(listing, store, texts, running)

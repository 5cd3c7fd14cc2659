"""What an exported model says of a video, and why: `predict`, `explain`, `evaluate-attention`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from vtkeras.cli import common
from vtkeras.cli.progress import progress_bar
from vtkeras.errors import UserError
from vtkeras.path_checks import writable_folder

app = typer.Typer()
Start = Annotated[float | None, common.number_option("Seconds where to begin.", 0, 1e7)]
End = Annotated[float | None, common.number_option("Seconds where to end.", 0, 1e7)]
FOR_ONE_VIDEO = ("picture", "vtt")
ONLY_DENSE = ("window", "vtt", "least")
NOT_DENSE = (
    "question", "choice", "start", "end", "picture", "decode", "beams", "length_penalty", "temperature", "top_k",
    "top_p", "seed", "min_length", "max_length", "no_repeat", "anyway",
)  # fmt: skip


@app.command()
def predict(
    context: typer.Context,
    videos: Annotated[list[Path], typer.Argument(help="Video or image files, or folders of them.", metavar="VIDEO...")],
    question: Annotated[list[str], typer.Option(help="A question about each video; repeatable.")] = [],  # noqa: B006
    choice: Annotated[list[str], typer.Option(help="An answer to choose from; repeatable.")] = [],  # noqa: B006
    model: Annotated[Path | None, typer.Option(help="A run folder; default one that ships.")] = None,
    start: Start = None,
    end: End = None,
    picture: Annotated[Path | None, common.file_option("Write where each word looked as a PNG.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; an array for several videos.")] = False,
    as_json_lines: Annotated[bool, typer.Option("--json-lines", help="Print a line of JSON for each video.")] = False,
    decode: Annotated[str, typer.Option(help="How to write: greedy, beam or sample.")] = "greedy",
    beams: Annotated[int | None, typer.Option(help="beam: texts side by side, 1 to 64; default 4.")] = None,
    length_penalty: Annotated[float | None, typer.Option(help="beam: more favours longer texts; default 0.6.")] = None,
    temperature: Annotated[float | None, typer.Option(help="sample: 0 takes no chances; default 1.")] = None,
    top_k: Annotated[int | None, typer.Option(help="sample: among the k likeliest; default 0, all.")] = None,
    top_p: Annotated[float | None, typer.Option(help="sample: among those that sum to p; default 1.")] = None,
    seed: Annotated[int | None, typer.Option(help="sample: the same seed writes the same text; default 0.")] = None,
    min_length: Annotated[int | None, typer.Option(help="Word pieces at least.")] = None,
    max_length: Annotated[int | None, typer.Option(help="Word pieces at most, the end counted.")] = None,
    no_repeat: Annotated[int | None, typer.Option(help="No n word pieces in a row come twice.")] = None,
    anyway: Annotated[bool, typer.Option("--anyway", help="Guess on clips unlike its training videos, too.")] = False,
    dense: Annotated[bool, typer.Option("--dense", help="Tell what happens, and when.")] = False,
    window: Annotated[float | None, common.number_option("With --dense: seconds to read at once.", 0, 1e7)] = None,
    vtt: Annotated[Path | None, common.file_option("With --dense: write the events as WebVTT.")] = None,
    least: Annotated[float, common.number_option("With --dense: least confidence of an event.", 0, 1)] = 0.5,
) -> None:
    """Describes videos, and answers questions about them, with an exported model: open only models that you trust."""
    common.refuse_both_forms(as_json, as_json_lines)
    from vtkeras.folders.listing import media_files

    videos = media_files(videos)
    if len(videos) > 1:
        common.refuse_unused(context, FOR_ONE_VIDEO, "for several videos")
    if dense:
        common.refuse_unused(context, NOT_DENSE, "with --dense")
        printed = partial(common.shown, videos, as_json, as_json_lines)
        return _predict_dense(videos, common.or_shipped(model, common.SHIPPED_DENSE_MODEL), window, least, vtt, printed)
    common.refuse_unused(context, ONLY_DENSE, "without --dense")
    if not all(one.strip() for one in question):
        raise UserError("The question is empty: ask something, e.g. 'how many digits are there?'.")
    if picture and picture.suffix.lower() != ".png":
        raise UserError(f"--picture {picture} would be written as PNG: give it a name that ends in .png.")
    from vtkeras.serving.decoding import choose_decoding

    limits = {"min_length": min_length, "max_length": max_length, "no_repeat": no_repeat}
    chances = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
    decoding = choose_decoding(decode, beams=beams, length_penalty=length_penalty, **chances, **limits)

    from vtkeras.serving import schema
    from vtkeras.serving.client import shared_worker
    from vtkeras.serving.describe import describe, save_picture, to_lines
    from vtkeras.workspace.runs import read_card

    card = read_card(common.or_shipped(model))
    ask = partial(shared_worker().ask, card.folder)
    with common.shown(videos, as_json, as_json_lines) as (show, set_aside):
        for found in describe(card, ask, videos, question, start, end, decoding, choice, set_aside, anyway):
            show(found.video, schema.description(found, card.info), to_lines(found))
            if picture:
                save_picture(found, picture, report=partial(print, file=sys.stderr))


@app.command()
def explain(
    video: Annotated[Path, typer.Argument(help="A video or image file.")],
    question: Annotated[str | None, typer.Option(help="Explain the answer to this, not the caption.")] = None,
    caption: Annotated[str | None, typer.Option(help="Explain a caption of your own, not the model's.")] = None,
    word: Annotated[str | None, typer.Option(help="A word, or its number from 1; default all.")] = None,
    method: Annotated[str, typer.Option(help="mean or rollout.")] = "mean",
    layer: Annotated[int | None, common.number_option("One layer of `mean`.", 1, 1000)] = None,
    head: Annotated[int | None, common.number_option("One head of `mean`.", 1, 1000)] = None,
    orders: Annotated[int, common.number_option("Random orders to compare with.", 19, 10_000)] = 20,
    model: common.ModelFolder = None,
    start: Start = None,
    end: End = None,
    out: Annotated[Path | None, common.folder_option("Folder for PNG, GIF, mp4 and JSON files.")] = None,
) -> None:
    """Shows where a model looked for each word, and whether that is what the word rests on."""
    common.refuse_missing(video, model)
    from vtkeras.serving import pictures, schema
    from vtkeras.serving.explanation import can_judge, judge, why_not_judged
    from vtkeras.serving.predictor import Predictor

    predictor = Predictor(common.or_shipped(model))
    found = pictures.explain_video(predictor, video, question, caption, start, end)
    if (novelty := predictor.novelty(found.frames)) and novelty.foreign:
        common.complain(novelty.guess)
    maps = found.maps(method, layer and layer - 1, head and head - 1)
    words = pictures.find_words(found, word)
    by_word = {}
    if can_judge(predictor, found):
        with progress_bar() as bar:
            judged = judge(predictor, found, maps, words, orders, progress=partial(bar, "taking patches out"))
        by_word = dict(zip(words, judged))
    else:
        common.complain(why_not_judged(found))
    common.say_lines(pictures.to_lines(found, by_word))
    if out:
        chosen = " ".join([method, *(f"{n} {i}" for n, i in (("layer", layer), ("head", head)) if i)])
        values = schema.explanation(found, chosen, maps, by_word, str(video), predictor.info)
        pictures.save(out, found, maps, words, schema.to_json(values), report=common.say)


@app.command("evaluate-attention")
def evaluate_attention(
    run: Annotated[Path, typer.Argument(help="A run folder with an exported model.")],
    data: common.DataFolder = None,
    split: Annotated[str, typer.Option(help="A split.")] = "test",
    clips: Annotated[int, common.number_option("Clips at most.", 1, 1_000_000)] = 50,
    orders: Annotated[int, common.number_option("Random orders to compare with.", 19, 10_000)] = 20,
    steps: Annotated[int, common.number_option("Points of each curve.", 1, 10_000)] = 16,
    out: Annotated[Path | None, common.folder_option("Folder for attention.json and .md; default the run.")] = None,
) -> None:
    """Measures whether attention and rollout are faithful, beside random orders; goes on after a stop."""
    out = writable_folder(out or common.results_folder(run))
    common.refuse_missing(run, data)
    from vtkeras.serving.faithfulness import evaluate as judge_clips
    from vtkeras.serving.faithfulness import questioned_clips, to_markdown
    from vtkeras.serving.predictor import Predictor
    from vtkeras.training.run import make_source

    predictor = Predictor(run)
    config = predictor.config if data is None else common.with_data(predictor.config, data)
    source = make_source(config)
    if split not in source.splits():
        raise UserError(f"The data have no split '{split}': use one of {', '.join(source.splits())}.")
    taken = questioned_clips(source, split, clips)
    settings = {"data": config.data.model_dump(mode="json"), "split": split}
    common.say(to_markdown(judge_clips(predictor, taken, settings, out, orders, steps, report=common.say)))


def _predict_dense(
    videos: list[Path], model: Path, window: float | None, least: float, vtt: Path | None, printed: Callable
) -> None:
    from vtkeras.data.subtitles import write_subtitles
    from vtkeras.serving import schema
    from vtkeras.serving.client import shared_worker
    from vtkeras.serving.dense import only_sure, to_lines
    from vtkeras.workspace.runs import read_card

    card = read_card(model)
    with printed() as (show, set_aside):
        for video in videos:
            with progress_bar() as bar, set_aside():
                found = shared_worker().call(
                    "vtkeras.serving.dense:find_events", card.folder, video.absolute(), window,
                    progress=partial(bar, "reading"),
                )  # fmt: skip
                events = only_sure(found, least)
                if len(events) < len(found):
                    told = f"{len(found) - len(events)} with less than {least:.0%} confidence; --least 0 shows them"
                    print(f"left out: {told}", file=sys.stderr)
                show(str(video), schema.events(events, str(video), card.info), to_lines(events))
                if vtt:
                    write_subtitles(vtt, events)
                    print(f"subtitles: {vtt}", file=sys.stderr)

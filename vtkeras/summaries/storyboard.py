"""The key shots of a summary as one picture."""

from __future__ import annotations

import textwrap
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from vtkeras.data.fonts import font_of, own_font
from vtkeras.summaries.write import clock, words_of

COLUMNS = 4
TILE = (300, 200)  # pixels, width and height of a picture
MARGIN = 16
BAND = 26  # height of the time line
FONT = 13  # pixels
LINE = 18  # height of a line of text
CAPTION_LINES = 3
BACKGROUND, INK, FAINT, ACCENT = "white", "#222222", "#d9dde3", "#c2410c"
MOST_TILES = 48


def storyboard(shots: list[dict], folder: str | Path, title: str) -> Image.Image:
    """Draws the time line with the key shots marked, then each of them with its time and caption.

    Args:
        shots: as in `Summary.shots`, key or not.
        folder: their pictures are below it.
        title: above the time line.

    Returns:
        A picture 1,280 pixels wide; with more than 48 key shots, the 48 with the highest scores, and a word
        on that beside the title.

    Example:
        >>> storyboard(summary.shots, "runs/summaries/film", "film.mp4").save("storyboard.png")
    """
    key = [shot for shot in shots if shot["key"]]
    best = sorted(key, key=lambda shot: -shot["score"])[:MOST_TILES]
    tiles = [shot for shot in key if shot in best]
    columns = min(COLUMNS, len(tiles))
    rows = -(-len(tiles) // COLUMNS)
    width = MARGIN + COLUMNS * (TILE[0] + MARGIN)
    tile_height = TILE[1] + (1 + CAPTION_LINES) * LINE + MARGIN
    top = MARGIN + LINE + BAND + 2 * LINE
    page = Image.new("RGB", (width, top + rows * tile_height), BACKGROUND)
    draw = ImageDraw.Draw(page)
    bold, plain = own_font(FONT, bold=True), own_font(FONT)
    if len(tiles) < len(key):
        title = f"{title}; pictures of the best {len(tiles)} of {len(key)} key shots"
    heading = font_of(title, FONT, bold=True) or bold
    draw.text((MARGIN, MARGIN - 6), _fit(title, heading, width - 2 * MARGIN), INK, heading)
    _draw_line(draw, shots, width, plain)
    fine = shots[-1]["end"] < 60
    for place, shot in enumerate(tiles):
        left = MARGIN + (place % columns) * (TILE[0] + MARGIN)
        _draw_tile(
            page, draw, shot, Path(folder), left, top + (place // columns) * tile_height, bold, plain, fine
        )
    return page


def _draw_line(draw: ImageDraw.ImageDraw, shots: list[dict], width: int, font: ImageFont.FreeTypeFont) -> None:
    duration = shots[-1]["end"]
    scale = (width - 2 * MARGIN) / duration
    top = MARGIN + LINE
    draw.rectangle((MARGIN, top, width - MARGIN, top + BAND), FAINT)
    for shot in shots:
        left, right = MARGIN + shot["start"] * scale, MARGIN + shot["end"] * scale
        if shot["key"]:
            draw.rectangle((left, top, max(right - 1, left + 1), top + BAND), ACCENT)
        draw.line((left, top, left, top + BAND), BACKGROUND)
    draw.text((MARGIN, top + BAND + 2), clock(0), INK, font)
    draw.text((width - MARGIN, top + BAND + 2), clock(duration), INK, font, anchor="ra")


def _draw_tile(page, draw, shot: dict, folder: Path, left: int, top: int, bold, plain, fine: bool) -> None:
    with Image.open(folder / shot["picture"]) as picture:
        scale = min(TILE[0] / picture.width, TILE[1] / picture.height)
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        small = picture.resize(size, Image.Resampling.BICUBIC)
    draw.rectangle((left, top, left + TILE[0] - 1, top + TILE[1] - 1), FAINT)
    page.paste(small, (left + (TILE[0] - size[0]) // 2, top + (TILE[1] - size[1]) // 2))
    times = f"{clock(shot['start'], fine)} – {clock(shot['end'], fine)}"
    draw.text((left, top + TILE[1] + 3), times, ACCENT, bold)
    lines = textwrap.wrap(words_of(shot), 38, max_lines=CAPTION_LINES, placeholder=" …")
    for number, line in enumerate(lines, start=1):
        font = font_of(line, FONT) or plain
        draw.text((left, top + TILE[1] + 3 + number * LINE), _fit(line, font, TILE[0]), INK, font)


def _fit(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    while len(text) > 1 and font.getlength(text) > width:
        text = text[:-2] + "…"
    return text

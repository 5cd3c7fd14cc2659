"""A model that joins picture and speech, trained as it is shipped, and a long video told by it."""

from pathlib import Path

import pytest

from vtkeras.config import load_config
from vtkeras.data.long_digits import SHOT_SECONDS, LongDigits
from vtkeras.data.make import make_long_videos
from vtkeras.export.saved_model import export_run
from vtkeras.summaries.summarize import Options, summarize
from vtkeras.training.fit import train

MODEL = Path(__file__).parents[2] / "saved_models" / "multitask" / "moving_digits"
WHOLE = Options(budget=1.0, longest=10.0, clip=False)  # every shot is told


@pytest.mark.slow
def test_remarks_are_told_with_what_is_shown(tmp_path):
    run = train(load_config("narrated_digits", [f"train.start_from={MODEL}"]), tmp_path / "run", report=print)
    export_run(run, report=print, keras_file=False)
    make_long_videos(tmp_path / "films", videos=5, scenes=40, seed=0, remarks=True, report=print)
    spoken = told = right = 0
    for video in range(5):
        film = tmp_path / "films" / f"long_{video:02d}"
        shots = summarize(f"{film}.mp4", run, tmp_path / f"out{video}", f"{film}.json", WHOLE).shots
        written = {int((shot["start"] + shot["end"]) / 2 / SHOT_SECONDS): shot["told"] for shot in shots}
        for place, scene in enumerate(LongDigits(scenes=40, remarks=True).film(video)):
            spoken += bool(scene.speech)
            told += bool(scene.speech and written.get(place))
            right += bool(scene.speech and written.get(place) == scene.joint_sentence)
    print(f"{spoken} remarks, {told} told, {right} of them word for word")
    assert right >= 0.8 * spoken

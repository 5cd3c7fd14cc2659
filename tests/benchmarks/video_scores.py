"""The table of docs/video_metrics.md: figures of the shipped model's clips, distorted, beside the clips as they are.

python -m tests.benchmarks.video_scores
"""

import tempfile
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from vtkeras.data.mp4 import write_video
from vtkeras.data.video import read_frames
from vtkeras.evaluation.videos import score_videos
from vtkeras.run_files import SAMPLES, shipped_model

CLIPS = shipped_model("multitask", "moving_digits") / SAMPLES
NOISE = np.random.default_rng(0)
DISTORTIONS = {
    "written once more": lambda frames: frames,
    "blurred by 0.5 pixels": lambda frames: gaussian_filter(frames, (0, 0.5, 0.5, 0)),
    "blurred by 2 pixels": lambda frames: gaussian_filter(frames, (0, 2, 2, 0)),
    "noise of 10": lambda frames: np.clip(frames + NOISE.normal(0, 10, frames.shape), 0, 255).astype("uint8"),
    "noise of 40": lambda frames: np.clip(frames + NOISE.normal(0, 40, frames.shape), 0, 255).astype("uint8"),
    "shifted by 1 pixel": lambda frames: np.roll(frames, 1, axis=2),
    "shifted by 4 pixels": lambda frames: np.roll(frames, 4, axis=2),
    "half as bright": lambda frames: frames // 2,
}


def main():
    names = []
    for title, distort in DISTORTIONS.items():
        with tempfile.TemporaryDirectory() as folder:
            for path in sorted(CLIPS.glob("*.mp4")):
                clip = read_frames(path, 1000)
                write_video(Path(folder, path.name), distort(clip.frames), fps=clip.info.fps)
            figures = score_videos(CLIPS, folder).figures
        if not names:
            names = list(figures)
            print(f"| distortion | {' | '.join(names)} |\n| --- |{' ---: |' * len(names)}")
        print(f"| {title} | {' | '.join(f'{figures[name]:.4f}' for name in names)} |", flush=True)


if __name__ == "__main__":
    main()

"""Measure how frames of videos are best read: where they are asked for, or all at once into files.

    python benchmarks/videos.py VIDEO...

For each rate of frames: listing them by packets, then per frame [ms]: asked for in order of time with the video kept
open (as a run does), asked for one by one with the video opened anew, and decoding the whole video once while the
wanted frames are written as JPEG, from where every later stage would read them again.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import av

from rarelib.pictures import video
from rarelib.pictures.crops import write_jpeg
from rarelib.pictures.video import frame_times, read_frame

RATES = (0.5, 1.0, 5.0)


def main() -> int:
    """Time each way on each video."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", type=Path)
    for path in parser.parse_args().videos:
        for rate in RATES:
            start = time.perf_counter()
            times = frame_times(path, rate)
            listing = time.perf_counter() - start
            kept, anew, all_at_once = (
                1000 * _seconds(way, path, times) / len(times) for way in (_kept, _anew, _all_at_once)
            )
            print(f"{path.name} at {rate:g}/s, {len(times)} frames: listed in {listing:.2f} s; ms a frame: "
                  f"kept open {kept:.0f}, opened anew {anew:.0f}, decoded into files {all_at_once:.0f}")  # fmt: skip
    return 0


def _seconds(way, path: Path, times: list[float]) -> float:
    video._kept.reader = None
    start = time.perf_counter()
    way(path, times)
    return time.perf_counter() - start


def _kept(path: Path, times: list[float]) -> None:
    for seconds in times:
        read_frame(path, seconds)


def _anew(path: Path, times: list[float]) -> None:
    for seconds in times:
        video._kept.reader = None
        read_frame(path, seconds)


def _all_at_once(path: Path, times: list[float]) -> None:
    wanted = set(times)
    with tempfile.TemporaryDirectory() as folder, av.open(str(path)) as container:
        for frame in container.decode(video=0):
            if round(frame.time, 3) in wanted:
                write_jpeg(Path(folder) / f"{frame.time:.3f}.jpg", frame.to_ndarray(format="rgb24"))


if __name__ == "__main__":
    raise SystemExit(main())

"""What a picture's path says: a file, or a frame of a video as `drive.mp4#t=00012.500` (W3C Media Fragments)."""

from __future__ import annotations

import re

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")
VIDEOS = (".mp4", ".m4v", ".mov", ".3gp", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv",
          ".asf", ".flv")  # fmt: skip
FRAME = re.compile(r"^(?P<video>.+)#t=(?P<seconds>\d+(\.\d+)?)$", re.DOTALL)


def frame_path(video: str, seconds: float) -> str:
    """Return the path of a frame; its seconds are padded, so that paths sort by time."""
    return f"{video}#t={seconds:09.3f}"


def split_frame(path: str) -> tuple[str, float] | None:
    """Return the video and the time [s from its first frame] that a path names; None for a picture of its own."""
    match = FRAME.match(path)
    if match is None or not is_video(match["video"]):
        return None
    return match["video"], float(match["seconds"])


def is_video(path: str) -> bool:
    """Tell whether a path ends as videos do."""
    return path.lower().endswith(VIDEOS)

"""Tiny videos, drawn: each frame's grey tells its number."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

MILLISECONDS = Fraction(1, 1000)
QUALITY = {
    "libx264": {"crf": "4", "x264-params": "log-level=none"},
    "libvpx-vp9": {"crf": "4", "b": "0", "cpu-used": "8"},
    **{codec: {"qmax": "4"} for codec in ("mpeg4", "mpeg2video", "wmv2", "flv")},
}
STEP = 8  # of grey from one frame to the next


def grey_of(number: int) -> int:
    return 16 + STEP * (number % 28)


def draw_video(
    path: Path,
    *,
    times: Sequence[float] = tuple(number / 10 for number in range(40)),
    size_wh: tuple[int, int] = (64, 48),
    codec: str = "libx264",
    key_frames: int = 12,
    rotation: int = 0,
    began: str = "",
    pictures: Sequence[np.ndarray] = (),
) -> Path:
    """Write frames that begin at these times [s]; the upper left quarter is white, to tell which way is up.

    Args:
        path: Its suffix names the container.
        times: Of the frames.
        size_wh: As stored [px].
        codec: Of FFmpeg.
        key_frames: At most so many frames from one key frame to the next.
        rotation: Degrees, counter-clockwise, by which a player turns it.
        began: Creation time in ISO form.
        pictures: RGB arrays to write instead of grey frames.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unit = Fraction(1, 25) if codec == "mpeg2video" else MILLISECONDS  # it knows fixed rates only
    with av.open(str(path), "w") as container:
        container.metadata.update({"creation_time": began} if began else {})
        stream = container.add_stream(
            codec, rate=round(1 / unit) if codec == "mpeg2video" else 10, options=QUALITY[codec]
        )
        stream.width, stream.height = size_wh
        stream.pix_fmt, stream.gop_size = "yuv420p", key_frames
        stream.codec_context.time_base = unit
        if rotation:
            stream.set_display_rotation(rotation)
        for number, seconds in enumerate(times):
            frame = av.VideoFrame.from_ndarray(
                pictures[number] if len(pictures) else _drawn(number, size_wh), format="rgb24"
            )
            frame.pts, frame.time_base = round(seconds / unit), unit
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def number_of(picture: np.ndarray) -> int:
    """Return which frame a picture shows, by the grey of its lower right quarter."""
    height, width = picture.shape[:2]
    grey = picture[height * 3 // 4 :, width * 3 // 4 :].mean()
    return round((grey - 16) / STEP)


def _drawn(number: int, size_wh: tuple[int, int]) -> np.ndarray:
    picture = np.full((size_wh[1], size_wh[0], 3), grey_of(number), np.uint8)
    picture[: size_wh[1] // 2, : size_wh[0] // 2] = 255
    return picture

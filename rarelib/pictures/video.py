"""Frames of videos, listed by their packets and decoded where they are asked for; the only code that knows PyAV."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from .decoding import ImageError, check_megapixels, reason_of
from .sources import Folder, RemotePath

if TYPE_CHECKING:
    import av

# what FFmpeg may take a file for, so that none makes it open another one (a playlist, a list of files)
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,avi,matroska,webm,mpeg,mpegts,asf,flv"
REMOTE_BYTES = 1 << 20  # that one request brings
TOLERANCE_S = 0.0006  # a path tells milliseconds
JUMPS_S = (0.0, 5.0, 60.0)  # before what is wanted; without an index a jump may land behind it
WITHOUT_JUMPS = "mpeg"  # FFmpeg's name for MPEG program streams, which tell wrong times behind a jump
FORWARD_S = 2.0  # without an index: how far it is decoded rather than jumped; about the distance of key frames


@dataclass(frozen=True)
class Facts:
    """What a video's header and first frame tell: upright size [px], when it began [s since 1970], NaN if unknown."""

    size_wh: tuple[int, int]
    began: float


def frame_times(path: Folder, fps: float) -> list[float]:
    """Return when the frames that are shown at 0, 1/fps, 2/fps, … s begin, in s from the first frame.

    Packets are read and not decoded. A frame that is shown longer than 1/fps, as in a video of varying rate, is
    taken once.

    Raises:
        ImageError: With the reason why the file is no video.
    """
    with _opened(path) as container:
        stream = _video_of(container)
        start = stream.start_time or 0
        stamps = (_stamp(packet) for packet in container.demux(stream))
        ticks = np.unique([stamp - start for stamp in stamps if stamp is not None and stamp >= start])
        if not len(ticks):
            raise ImageError("no frame in it")
        times = ticks * float(stream.time_base)
    wanted = np.arange(int(times[-1] * fps + TOLERANCE_S) + 1) / fps
    shown = np.unique(np.searchsorted(times, wanted + TOLERANCE_S, side="right") - 1)
    return [round(float(time), 3) for time in times[shown[shown >= 0]]]


def read_frame(path: Folder, seconds: float, *, max_megapixels: float = 200.0) -> np.ndarray:
    """Return the frame that is shown at a time as (H, W, 3) uint8 RGB, turned upright as the video says.

    Each thread keeps its last video open: frames in order of time are decoded forward, without a jump back to a key
    frame that lies before what was decoded last (benchmarks/videos.py).

    Args:
        path: Of the video.
        seconds: From its first frame, to a millisecond.
        max_megapixels: Larger frames are refused, in million pixels.

    Raises:
        ImageError: With the reason.
    """
    reader = _reader_of(path)
    _kept.reader = None  # if reading fails, what is left of it is in no known state
    frame = reader.read(seconds, max_megapixels)
    _kept.reader = reader
    return frame


def video_facts(path: Folder) -> Facts:
    """Return what a video tells of itself; read once as long as the file does not change.

    Raises:
        ImageError: With the reason why it cannot be read.
    """
    return _facts(*_version(path))


class _Reader:
    """One open video that goes forward where it can and jumps where it must."""

    def __init__(self, version: tuple[Folder, int, int]) -> None:
        self.version = version
        self._start_anew()

    def _start_anew(self) -> None:
        self.container = _open(self.version[0])
        self.stream = _video_of(self.container)
        self.start = self.stream.start_time or 0
        self.unit = float(self.stream.time_base)
        self._take(self.container.decode(self.stream))

    def _take(self, frames: Iterator[av.VideoFrame]) -> None:
        self.frames = frames
        self.before: av.VideoFrame | None = None  # the last decoded but one
        self.shown: av.VideoFrame | None = next(frames, None)  # the last decoded

    def read(self, seconds: float, max_megapixels: float) -> np.ndarray:
        import av

        check_megapixels((self.stream.codec_context.width, self.stream.codec_context.height), max_megapixels)
        try:
            frame = self._frame_at(seconds)
            if frame.is_corrupt:
                raise ImageError(f"damaged at {seconds:.3f} s")
            turns = round(frame.rotation / 90) % 4
            return np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), turns))
        except av.FFmpegError as error:
            raise ImageError(f"cut off or damaged at {seconds:.3f} s ({reason_of(error)})") from error

    def _frame_at(self, seconds: float) -> av.VideoFrame:
        if self.shown is None or not self._is_ahead(seconds):
            self._jump(seconds)
        while self.shown is not None and self._time(self.shown) + TOLERANCE_S < seconds:
            self.before, self.shown = self.shown, next(self.frames, None)
        if self.shown is not None and self._time(self.shown) - TOLERANCE_S <= seconds:
            return self.shown
        if self.shown is None or self.before is None:
            raise ImageError(f"cut off before {seconds:.3f} s")
        return self.before  # it is shown until the next one

    def _jump(self, seconds: float) -> None:
        for back in () if self.container.format.name == WITHOUT_JUMPS else JUMPS_S:
            ticks = max(int((seconds - back) / self.unit), 0)
            self.container.seek(self.start + ticks, stream=self.stream)
            self._take(self.container.decode(self.stream))
            if self.shown is not None and self._time(self.shown) <= seconds + TOLERANCE_S:
                return
        self._start_anew()

    def _is_ahead(self, seconds: float) -> bool:
        """Tell whether decoding on reaches a time sooner than a jump: no key frame lies between."""
        at = self._time(self.before or self.shown)
        if seconds < at - TOLERANCE_S:
            return False
        if self.container.format.name == WITHOUT_JUMPS:
            return True
        index = self.stream.index_entries
        place = index.search_timestamp(self.start + int(seconds / self.unit)) if len(index) else -1
        if place < 0:
            return seconds - at <= FORWARD_S
        return (index[place].timestamp - self.start) * self.unit <= self._time(self.shown) + TOLERANCE_S

    def _time(self, frame: av.VideoFrame) -> float:
        stamp = _stamp(frame)
        return (stamp - self.start) * self.unit if stamp is not None else float("inf")


class _Kept(threading.local):
    reader: _Reader | None = None


_kept = _Kept()


def _reader_of(path: Folder) -> _Reader:
    version = _version(path)
    if _kept.reader is None or _kept.reader.version != version:
        _kept.reader = None  # closes the one before
        _kept.reader = _Reader(version)
    return _kept.reader


def _version(path: Folder) -> tuple[Folder, int, int]:
    if isinstance(path, RemotePath):
        return path, 0, 0  # as long as a run lasts, it is taken to stay the same
    try:
        stat = path.stat()
    except FileNotFoundError as error:
        raise ImageError("missing") from error
    except OSError as error:
        raise ImageError(reason_of(error)) from error
    return path.absolute(), stat.st_mtime_ns, stat.st_size


@lru_cache(maxsize=4096)
def _facts(path: Folder, *_changed: int) -> Facts:
    with _opened(path) as container:
        frame = next(container.decode(_video_of(container)), None)
        if frame is None:
            raise ImageError("no frame in it")
        turned = round(frame.rotation / 90) % 2
        size_wh = (frame.height, frame.width) if turned else (frame.width, frame.height)
        return Facts(size_wh, _began(container.metadata.get("creation_time", "")))


@contextmanager
def _opened(path: Folder) -> Iterator[av.container.InputContainer]:
    """Open a video for a while; whatever FFmpeg finds wrong with it meanwhile is an ImageError."""
    import av

    try:
        with _open(path) as container:
            yield container
    except av.FFmpegError as error:
        raise ImageError(f"cut off or damaged ({reason_of(error)})") from error


def _open(path: Folder) -> av.container.InputContainer:
    import av

    try:
        file = _file_of(path)
    except OSError as error:
        raise ImageError(reason_of(error)) from error
    try:
        return av.open(file, options={"format_whitelist": FORMATS}, metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        raise ImageError(f"not a video in a known format, or cut off ({reason_of(error)})") from error


def _file_of(path: Folder) -> str | io.BufferedReader:
    """Return what FFmpeg opens: a path that it takes for no protocol, or a remote file."""
    if isinstance(path, RemotePath):
        return io.BufferedReader(path.open().detach(), REMOTE_BYTES)
    if not path.is_file():
        raise ImageError("missing" if not path.exists() else "not a regular file")
    if not path.stat().st_size:
        raise ImageError("empty file")
    return str(path.absolute())


def _video_of(container: av.container.InputContainer) -> av.VideoStream:
    stream = container.streams.best("video")
    if stream is None:
        raise ImageError("no pictures in it")
    stream.thread_type = "SLICE"  # threads of a run already share the cores
    return stream


def _stamp(part: av.Packet | av.VideoFrame) -> int | None:
    return part.pts if part.pts is not None else part.dts  # AVI knows no other time


def _began(text: str) -> float:
    """Return a container's creation time [s since 1970]; before 2000 a clock was not set."""
    try:
        began = datetime.fromisoformat(text).timestamp()
    except ValueError:
        return np.nan
    return began if began > datetime(2000, 1, 1, tzinfo=UTC).timestamp() else np.nan

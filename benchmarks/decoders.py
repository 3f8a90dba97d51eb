"""Which library decodes JPEG fastest: `python benchmarks/decoders.py`, one thread, CPU time per picture.

PyTurboJPEG and simplejpeg take part where they are installed; rarelib does not need them.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import torch
import torchvision
from growth import SHARED
from PIL import Image

from rarelib.pictures.decoding import read_image
from rarelib.pictures.listing import list_images
from rarelib.settings import SelectSettings

ROUNDS = 7


def main() -> None:
    """Decode all pictures in turn by every decoder and print the medians of the rounds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images_folder", type=Path, default=SHARED / "data" / "nuscenes")
    parser.add_argument("--pictures", type=int, default=60)
    options = parser.parse_args()
    images = list_images(options.images_folder, settings=SelectSettings(max_images=options.pictures))
    paths = [options.images_folder / path for path in images.loc[images["sampled"], "path"]]
    ways = decoders()
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, decode in ways.items():
            start = time.thread_time()
            for path in paths:
                decode(path)
            taken[name].append(1e3 * (time.thread_time() - start) / len(paths))
    print("| decoder | ms a picture | times OpenCV |\n|---|---|---|")
    for name, values in taken.items():
        ratio = median(own / base for own, base in zip(values, taken["OpenCV"], strict=True))
        print(f"| {name} | {median(values):.2f} | {ratio:.2f} |")


def decoders() -> dict[str, Callable[[Path], object]]:
    """Return each decoder that is there, from a file to (H, W, 3) RGB."""
    torch.set_num_threads(1)
    half = cv2.IMREAD_REDUCED_COLOR_2
    found: dict[str, Callable[[Path], object]] = {
        "OpenCV": lambda path: cv2.imdecode(_read(path), cv2.IMREAD_COLOR_RGB),
        "OpenCV at half size, too small for crops": lambda path: cv2.imdecode(_read(path), half),
        "Pillow": lambda path: np.asarray(Image.open(io.BytesIO(path.read_bytes()))),
        "torchvision": lambda path: torchvision.io.decode_jpeg(torch.from_numpy(_read(path).copy())),
        "rarelib.read_image: OpenCV with its checks": read_image,
    }
    for name, decode in (("simplejpeg", _simplejpeg), ("turbojpeg", _turbojpeg)):
        try:
            found[name] = decode()
        except (ImportError, RuntimeError) as error:
            print(f"{name} does not take part: {error}")
    return found


def _simplejpeg() -> Callable[[Path], object]:
    decode = import_module("simplejpeg").decode_jpeg
    return lambda path: decode(path.read_bytes())


def _turbojpeg() -> Callable[[Path], object]:
    turbojpeg = import_module("turbojpeg")
    decoder = turbojpeg.TurboJPEG()
    return lambda path: decoder.decode(path.read_bytes(), turbojpeg.TJPF_RGB)


def _read(path: Path) -> np.ndarray:
    return np.frombuffer(path.read_bytes(), np.uint8)


if __name__ == "__main__":
    main()

"""What many pictures cost in hours, machines and GB: `python benchmarks/scale_costs.py [--images_per_s 45.9 ...]`.

The figures that it starts from are those of benchmarks/speed_results.md and of 77 nuScenes pictures; give your own, as
`python benchmarks/speed.py` and a run's statistics.json tell them. Prints a Markdown table, and where the time goes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, fields
from math import ceil

GB = 1e9


@dataclass(frozen=True)
class Figures:
    """What was measured, on one machine; what was assumed is said so in docs/scale.md."""

    images_per_s: float = 45.9  # YOLOv8n, OpenVINO bfloat16, two cores; 2.6 with YOLOv8x
    crops_per_s: float = 36.5  # CLIP ViT-B/32, the same
    score_s_per_million: float = 402.0  # 10 million ranked with one outlier column, one thread: growth_results.md
    score_base_gb: float = 0.6  # memory of scoring whatever the count, and for each million of vectors on disk
    score_gb_per_million: float = 0.49
    measured_cores: int = 2
    machine_cores: int = 16  # of one machine to be used; speed is taken to grow with the cores
    objects_per_picture: float = 13.7  # of which ten are proposals
    embedded_per_picture: float = 10.5  # all proposals, and detected ones as far as the early filter keeps them
    selected_share: float = 0.05
    source_kb: float = 125.5
    crop_kb: float = 7.1
    dim: int = 512
    row_bytes: float = 91.0  # of an object
    score_row_bytes: float = 172.0  # of an embedded one
    task_s: float = 0.017  # that Ray adds to a task of 50 pictures
    within_hours: float = 24.0
    gpu_images_per_s: float = 0.0  # of one GPU; 0 where it was not measured
    gpu_crops_per_s: float = 0.0


@dataclass(frozen=True)
class Cost:
    """What so many pictures cost: hours of one machine for each stage, machines, and GB on disk."""

    pictures: int
    detect_h: float
    embed_h: float
    score_h: float
    machines: int
    source_gb: float
    crops_gb: float
    selected_crops_gb: float
    vectors_gb: float
    tables_gb: float
    score_memory_gb: float

    @property
    def slowest(self) -> str:
        """The stage that takes most hours when the others are spread over the machines."""
        spread = {"detection": self.detect_h / self.machines, "embedding": self.embed_h / self.machines}
        return max((hours, name) for name, hours in {**spread, "scoring": self.score_h}.items())[1]


def cost_of(pictures: int, figures: Figures, *, gpu: bool = False) -> Cost:
    """Return what so many pictures cost on machines of one kind, or on GPUs."""
    times = 1 if gpu else figures.machine_cores / figures.measured_cores
    images_per_s = (figures.gpu_images_per_s if gpu else figures.images_per_s) * times
    crops_per_s = (figures.gpu_crops_per_s if gpu else figures.crops_per_s) * times
    vectors = pictures * figures.embedded_per_picture
    objects = pictures * figures.objects_per_picture
    detect_h = (pictures / images_per_s + pictures / 50 * figures.task_s / figures.machine_cores) / 3600
    embed_h = vectors / crops_per_s / 3600
    crops_gb = objects * figures.crop_kb * 1e3 / GB
    return Cost(
        pictures,
        detect_h,
        embed_h,
        vectors / 1e6 * figures.score_s_per_million / 3600,
        ceil((detect_h + embed_h) / figures.within_hours),
        pictures * figures.source_kb * 1e3 / GB,
        crops_gb,
        vectors * figures.selected_share * figures.crop_kb * 1e3 / GB,
        vectors * figures.dim * 4 / GB,
        (objects * figures.row_bytes + vectors * figures.score_row_bytes) / GB,
        figures.score_base_gb + vectors / 1e6 * figures.score_gb_per_million,
    )


def table_lines(figures: Figures) -> Iterator[str]:
    """Yield the Markdown table of 1, 10 and 100 million pictures."""
    yield (
        "| pictures | machine | detect [h] | embed [h] | score, one machine [h] | "
        f"machines to detect and embed in {figures.within_hours:g} h | slowest then |"
    )
    yield "|---|---|---|---|---|---|---|"
    kinds = [(f"{figures.machine_cores} cores", False)]
    kinds += [("1 GPU", True)] if figures.gpu_images_per_s and figures.gpu_crops_per_s else []
    for name, gpu in kinds:
        for pictures in (10**6, 10**7, 10**8):
            cost = cost_of(pictures, figures, gpu=gpu)
            hours = (cost.detect_h, cost.embed_h, cost.score_h)
            cells = [f"{pictures:,}", name, *(f"{value:,.1f}" for value in hours), f"{cost.machines:,}", cost.slowest]
            yield f"| {' | '.join(cells)} |"
    yield ""
    yield (
        "| pictures | the pictures [GB] | all crops [GB] | keep_crops: selected [GB] | vectors [GB] | tables [GB] | "
        "memory to score [GB] |"
    )
    yield "|---|---|---|---|---|---|---|"
    for pictures in (10**6, 10**7, 10**8):
        cost = cost_of(pictures, figures)
        sizes = (cost.source_gb, cost.crops_gb, cost.selected_crops_gb, cost.vectors_gb, cost.tables_gb)
        sizes += (cost.score_memory_gb,)
        yield f"| {pictures:,} | {' | '.join(f'{size:,.0f}' for size in sizes)} |"


def main() -> None:
    """Read the figures and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for each in fields(Figures):
        parser.add_argument(f"--{each.name}", type=type(each.default), default=each.default)
    print("\n".join(table_lines(Figures(**vars(parser.parse_args())))))


if __name__ == "__main__":
    main()

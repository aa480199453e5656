# SPDX-License-Identifier: Apache-2.0
"""Take the figures and tables of a run of ``fastntk paper`` into the documentation.

    python docs/paper/take_results.py fastntk-paper [NAME...]

Figures become smaller PNG files with a palette, less than 250 KB each; tables lose their headings,
since the page has its own.
"""

import sys
from pathlib import Path

from PIL import Image

RESULTS = Path(__file__).parent / "results"
MOST_PIXELS = 1100  # across
COLORS = 128
MOST_BYTES = 250_000
QUICK = "**Quick settings: narrower and fewer networks than the paper's.**\n\n"


def take(folder: Path, name: str) -> None:
    """Copy one experiment's table, and its figure reduced."""
    lines = (folder / f"{name}.md").read_text().splitlines()
    table = "\n".join(lines[1:]).strip() + "\n"
    if "quick settings" in table:
        table = QUICK + table
    (RESULTS / f"{name}.md").write_text(table)
    target = RESULTS / f"{name}.png"
    with Image.open(folder / f"{name}.png") as drawn:
        figure = drawn.convert("RGB")
    if figure.width > MOST_PIXELS:
        height = round(figure.height * MOST_PIXELS / figure.width)
        figure = figure.resize((MOST_PIXELS, height), Image.Resampling.LANCZOS)
    figure.quantize(COLORS, dither=Image.Dither.NONE).save(target, optimize=True)
    size = target.stat().st_size
    print(f"{target}: {size / 1000:.0f} kB")
    if size > MOST_BYTES:
        raise SystemExit(f"{target} has more than {MOST_BYTES / 1000:.0f} kB")


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    names = sys.argv[2:] or [path.stem for path in sorted(folder.glob("*.npz"))]
    for name in names:
        take(folder, name)

#!/usr/bin/env python3
"""Draws crops of pictures at equal bytes: original, compass with --tune psnr and visual, AVIF and JPEG.

    scripts/visual_crops.py OUT.jpg BYTES PICTURE@X,Y [PICTURE@X,Y...]

A row for each picture, 256x256 pixels from X,Y on; each file takes at most BYTES (compass: all three layers). Needs vips
(Debian: libvips-tools) and Pillow. COMPASS names the program (default: that in build/tools).
"""

import os
import subprocess
import sys
import tempfile

from PIL import Image, ImageDraw, ImageFont

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COMPASS = os.environ.get("COMPASS", os.path.join(ROOT, "build/tools/compass"))
SIDE, GAP, HEAD = 256, 6, 26


def run(*arguments):
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)


def by_compass(picture, tune, most, folder):
    coded, decoded = os.path.join(folder, "a.cmps"), os.path.join(folder, "a.png")
    run(COMPASS, "encode", picture, coded, "--tune", tune, "--target-size", str(most), "--quiet")
    run(COMPASS, "decode", coded, decoded, "--quiet")
    return os.path.getsize(coded), Image.open(decoded).convert("RGB")


def by_vips(picture, ending, options, most, folder):
    """The best quality that takes no more bytes."""
    path, low, high = os.path.join(folder, "a" + ending), 1, 100
    while low < high:
        middle = (low + high + 1) // 2
        run("vips", "copy", picture, "%s[Q=%d%s]" % (path, middle, options))
        low, high = (middle, high) if os.path.getsize(path) <= most else (low, middle - 1)
    run("vips", "copy", picture, "%s[Q=%d%s]" % (path, low, options))
    decoded = os.path.join(folder, "b.png")
    run("vips", "copy", path, decoded)
    return os.path.getsize(path), Image.open(decoded).convert("RGB")


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    out, most = sys.argv[1], int(sys.argv[2])
    titles = ("original", "compass --tune psnr", "compass --tune visual", "AVIF (libaom, effort 9)", "JPEG")
    places = [argument.rsplit("@", 1) for argument in sys.argv[3:]]
    width, height = len(titles) * (SIDE + GAP) - GAP, HEAD + len(places) * (SIDE + HEAD)
    sheet = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.truetype("DejaVuSans.ttf", 14)
    for column, title in enumerate(titles):
        draw.text((column * (SIDE + GAP), 4), title, "black", font)
    for row, (picture, place) in enumerate(places):
        x, y = map(int, place.split(","))
        with tempfile.TemporaryDirectory() as folder:
            found = [(None, Image.open(picture).convert("RGB")), by_compass(picture, "psnr", most, folder),
                     by_compass(picture, "visual", most, folder),
                     by_vips(picture, ".avif", ",effort=9", most, folder), by_vips(picture, ".jpg", ",optimize_coding", most, folder)]
            for column, (size, image) in enumerate(found):
                at = (column * (SIDE + GAP), HEAD + row * (SIDE + HEAD))
                sheet.paste(image.crop((x, y, x + SIDE, y + SIDE)), at)
                text = os.path.basename(picture) if size is None else "%d bytes" % size
                draw.text((at[0], at[1] + SIDE + 3), text, "#555", font)
    sheet.save(out, quality=85)


if __name__ == "__main__":
    main()

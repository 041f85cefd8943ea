#!/usr/bin/env python3
"""Measures what the encoder's search gives: bits at equal PSNR of the top layer, for several --effort.

    scripts/effort.py PICTURE...

Encodes every picture with --effort 0, 2 (the default) and 12 at five qualities and prints the BD-rate
(`compass-lab bdrate`, piecewise cubic) of each against --effort 0. COMPASS and COMPASS_LAB name the programs (default:
those in build/tools).
"""

import csv
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COMPASS = os.environ.get("COMPASS", os.path.join(ROOT, "build/tools/compass"))
LAB = os.environ.get("COMPASS_LAB", os.path.join(ROOT, "build/tools/compass-lab"))
EFFORTS = (0, 2, 12)
QUALITIES = (0, 25, 50, 75, 100)


def report_of(program, *arguments):
    """The JSON that the command prints; ends the script with the command's own message if it fails."""
    done = subprocess.run([program, *arguments, "--json"], stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(done.returncode)
    return json.loads(done.stdout)


def measure(pictures, effort, folder):
    """Writes a curve file, a row for each picture and quality, and returns its path and the model's id."""
    path, model = os.path.join(folder, "effort%d.csv" % effort), ""
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("image", "setting", "bpp", "psnr"))
        for picture in pictures:
            for quality in QUALITIES:
                report = report_of(COMPASS, "encode", picture, os.path.join(folder, "picture.cmps"), "--psnr",
                                   "--effort", str(effort), "-q", str(quality))
                top = report["layers"][-1]
                table.writerow((os.path.basename(picture), quality, top["bpp"], top["psnr"]))
                model = "%(name)s %(id)s" % report["model"]
    return path, model


def main():
    pictures = sys.argv[1:]
    if not pictures:
        sys.exit("effort.py: name some pictures")
    for program, variable in ((COMPASS, "COMPASS"), (LAB, "COMPASS_LAB")):
        if not os.access(program, os.X_OK):
            sys.exit("effort.py: %s is not there; build the project or set %s" % (program, variable))
    with tempfile.TemporaryDirectory() as folder:
        anchor, model = measure(pictures, EFFORTS[0], folder)
        print("%d pictures, model %s, bits at equal PSNR of the top layer against --effort %d:" %
              (len(pictures), model, EFFORTS[0]))
        for effort in EFFORTS[1:]:
            curve, _ = measure(pictures, effort, folder)
            distance = report_of(LAB, "bdrate", anchor, curve)["pchip"]["bd_rate_percent"]
            print("--effort %-2d  %+.1f %%" % (effort, distance))


if __name__ == "__main__":
    main()

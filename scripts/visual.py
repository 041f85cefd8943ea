#!/usr/bin/env python3
"""Measures what `compass encode --tune visual` gives: bytes at equal PSNR, SSIMULACRA and butteraugli of the top layer.

    scripts/visual.py PICTURE...

Encodes every picture at four qualities, tuned and not, and prints the mean of the pictures' BD-rates (`compass-lab bdrate`,
piecewise cubic) of the tuned files against the others, and the range. Distances are compared by their logarithms. Needs
libjxl's ssimulacra_main and butteraugli_main (Debian: libjxl-devtools). COMPASS and COMPASS_LAB name the programs (default:
those in build/tools).
"""

import csv
import json
import math
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COMPASS = os.environ.get("COMPASS", os.path.join(ROOT, "build/tools/compass"))
LAB = os.environ.get("COMPASS_LAB", os.path.join(ROOT, "build/tools/compass-lab"))
TUNES = ("psnr", "visual")
QUALITIES = (5, 35, 65, 95)
MEASURES = ("psnr", "ssimulacra", "butteraugli")


def report_of(program, *arguments):
    """The JSON that the command prints; ends the script with the command's own message if it fails."""
    done = subprocess.run([program, *arguments, "--json"], stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(done.returncode)
    return json.loads(done.stdout)


def points_of(picture, tune, folder):
    """The model, seconds, and for each quality the bits per pixel and the measures, distances in dB."""
    coded, decoded = os.path.join(folder, "picture.cmps"), os.path.join(folder, "picture.png")
    points, model, seconds = [], "", 0.0
    for quality in QUALITIES:
        report = report_of(COMPASS, "encode", picture, coded, "--tune", tune, "-q", str(quality))
        report_of(COMPASS, "decode", coded, decoded)
        seen = report_of(LAB, "compare", picture, decoded, "--perceptual")
        missing = [measure for measure in MEASURES if seen.get(measure) is None]
        if missing:
            sys.exit("visual.py: no %s of %s: are libjxl's developer tools installed?" % (missing[0], picture))
        size = report["layers"][-1]
        points.append({"bpp": 8 * report["bytes"] / (size["width"] * size["height"]), "psnr": seen["psnr"],
                       **{measure: -20 * math.log10(seen[measure]) for measure in MEASURES[1:]}})
        model, seconds = "%(name)s %(id)s" % report["model"], seconds + report["seconds"]
    return model, seconds, points


def bd_rate(anchor, test, measure, folder):
    """Percent of bytes, or None where a measure does not rise with the quality."""
    paths = []
    for name, points in (("anchor", anchor), ("test", test)):
        values = [point[measure] for point in points]
        if sorted(values) != values:
            return None
        paths.append(os.path.join(folder, name + ".csv"))
        with open(paths[-1], "w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(("image", "setting", "bpp", "psnr"))
            for quality, point in zip(QUALITIES, points):
                table.writerow(("picture", quality, point["bpp"], point[measure]))
    return report_of(LAB, "bdrate", *paths)["pchip"]["bd_rate_percent"]


def main():
    pictures = sys.argv[1:]
    if not pictures:
        sys.exit("visual.py: name some pictures")
    for program, variable in ((COMPASS, "COMPASS"), (LAB, "COMPASS_LAB")):
        if not os.access(program, os.X_OK):
            sys.exit("visual.py: %s is not there; build the project or set %s" % (program, variable))
    rates, seconds, model = {measure: [] for measure in MEASURES}, {tune: 0.0 for tune in TUNES}, ""
    with tempfile.TemporaryDirectory() as folder:
        for picture in pictures:
            curves = []
            for tune in TUNES:
                model, spent, points = points_of(picture, tune, folder)
                seconds[tune] += spent
                curves.append(points)
            for measure in MEASURES:
                rate = bd_rate(curves[0], curves[1], measure, folder)
                if rate is not None:
                    rates[measure].append(rate)
    print("%d pictures, model %s, bytes of --tune visual against --tune psnr:" % (len(pictures), model))
    for measure in MEASURES:
        found = rates[measure]
        if found:
            print("at equal %-12s %+5.1f %% (%+.1f to %+.1f; %d pictures)" %
                  (measure, sum(found) / len(found), min(found), max(found), len(found)))
    print("time of encoding: %.2f times" % (seconds["visual"] / seconds["psnr"]))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Draws pictures to train with that are no photographs: text, tables, charts, maps, interfaces, icons, line drawings.

    scripts/train_graphics.py OUT COUNT [SEED]

Writes COUNT binary PPM files into OUT, drawn as SVG and rendered by rsvg-convert at several scales, sharp and antialiased as
screens and PDF readers draw them. The same SEED (default 1) draws the same pictures, if the same fonts and icons are
installed. Text is made of country and language names in some 150 translations. Needs rsvg-convert, Python's PIL and iso-codes
(Debian: librsvg2-bin python3-pil iso-codes); uses the fonts and the SVG icons there are (fonts-noto-core, fonts-noto-cjk,
fonts-dejavu, breeze-icon-theme).
"""

import base64
import colorsys
import glob
import gettext
import io
import math
import os
import random
import subprocess
import sys
from xml.sax.saxutils import escape, quoteattr

from PIL import Image

WORDS = ("iso_3166-1", "iso_639-3", "iso_3166-3")
SOURCES = {"iso_3166-1": "Germany,France,Japan,Brazil,Kenya,Norway,Mexico,Egypt,Finland,Thailand,Greece,Peru,Nepal",
           "iso_639-3": "German,French,Japanese,Arabic,Hindi,Thai,Greek,Russian,Hebrew,Korean,Turkish,Zulu,Welsh",
           "iso_3166-3": "Yugoslavia,Czechoslovakia"}
FAMILIES = ("sans-serif", "serif", "monospace", "Noto Sans", "Noto Serif", "DejaVu Sans", "DejaVu Sans Mono", "cursive")
RIGHT_TO_LEFT = ("ar", "he", "fa", "ur", "yi", "ug", "dv", "ps")


class Words:
    """Names in many languages; a text is of one language."""

    def __init__(self, random_):
        self.random = random_
        self.by_language = {}
        for path in sorted(glob.glob("/usr/share/locale/*/LC_MESSAGES/iso_*.mo")):
            domain = os.path.basename(path)[:-3]
            if domain not in WORDS:
                continue
            with open(path, "rb") as file:
                translation = gettext.GNUTranslations(file)
            known = [translation.gettext(name) for name in SOURCES[domain].split(",")]
            self.by_language.setdefault(path.split("/")[4], []).extend(known)
        if not self.by_language:
            sys.exit("train_graphics.py: no translations in /usr/share/locale: install iso-codes")
        self.languages = sorted(self.by_language)

    def language(self):
        """Half of them in Latin letters: most of what people keep is."""
        if self.random.random() < 0.5:
            return self.random.choice([name for name in ("de", "fr", "es", "pl", "pt", "it", "tr", "vi", "cs") if name in
                                       self.by_language] or self.languages)
        return self.random.choice(self.languages)

    def line(self, language, letters):
        """About so many letters."""
        words, length = [], 0
        while length < letters:
            word = self.random.choice(self.by_language[language])
            if self.random.random() < 0.12:
                word = "%.*f" % (self.random.randrange(3), self.random.uniform(0, 3000))
            words.append(word)
            length += len(word) + 1
        return " ".join(words)


class Sheet:
    """SVG elements on a canvas, in colours that go together."""

    def __init__(self, random_, words, width, height):
        self.random, self.words, self.width, self.height = random_, words, width, height
        self.parts, self.images = [], []
        self.dark = random_.random() < 0.3
        hue = random_.random()
        self.paper = self.tint(hue, 0.08, random_.uniform(0.08, 0.22)) if self.dark else random_.choice(
            ["#ffffff", "#ffffff", "#ffffff", "#fdfdfb", self.tint(hue, 0.06, 0.96), self.tint(hue, 0.12, 0.9)])
        self.ink = random_.choice(["#e8e8e8", "#ffffff", "#c8d0d8"] if self.dark else ["#000000", "#1c1c1c", "#2e3440"])
        self.colours = [self.tint(hue + k * random_.choice([0.08, 0.2, 0.382]), random_.uniform(0.25, 0.95),
                                  random_.uniform(0.35, 0.95)) for k in range(8)]
        self.family = random_.choice(FAMILIES)
        self.box(0, 0, width, height, self.paper)

    @staticmethod
    def tint(hue, saturation, value):
        return "#%02x%02x%02x" % tuple(int(255 * c) for c in colorsys.hsv_to_rgb(hue % 1.0, saturation, value))

    def colour(self):
        return self.random.choice(self.colours)

    def add(self, name, content=None, **attributes):
        text = " ".join("%s=%s" % (key.replace("_", "-"), quoteattr(str(value))) for key, value in attributes.items())
        self.parts.append("<%s %s/>" % (name, text) if content is None else "<%s %s>%s</%s>" % (name, text, content, name))

    def box(self, x, y, width, height, fill, radius=0, stroke="none", line=1):
        self.add("rect", x=round(x, 1), y=round(y, 1), width=round(max(width, 0), 1), height=round(max(height, 0), 1),
                 fill=fill, rx=radius, stroke=stroke, stroke_width=line)

    def text(self, x, y, size, content, fill=None, family=None, weight="normal", anchor="start", turn=0):
        extra = {"transform": "rotate(%g %g %g)" % (turn, x, y)} if turn else {}
        self.add("text", escape(content), x=round(x, 1), y=round(y, 1), fill=fill or self.ink, font_size=round(size, 1),
                 font_family=family or self.family, font_weight=weight, text_anchor=anchor, **extra)

    def path(self, points, stroke, line, fill="none", closed=False, smooth=False, dashes=""):
        if smooth and len(points) > 2:
            start = "M%.1f %.1f" % points[0]
            middles = [((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in zip(points[1:], points[2:])] + [points[-1]]
            data = start + "".join(" Q%.1f %.1f %.1f %.1f" % (*p, *m) for p, m in zip(points[1:], middles))
        else:
            data = "M" + " L".join("%.1f %.1f" % p for p in points)
        self.add("path", d=data + ("Z" if closed else ""), stroke=stroke, stroke_width=round(line, 2), fill=fill,
                 stroke_linejoin="round", stroke_linecap="round", **({"stroke_dasharray": dashes} if dashes else {}))

    def svg(self):
        spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        return '<svg %s width="%d" height="%d">%s</svg>' % (spaces, self.width, self.height, "".join(self.parts))


def text_page(sheet):
    """Columns of paragraphs with headings, as books, papers and web pages have them."""
    r = sheet.random
    columns, size, margin = r.choice([1, 1, 2, 3]), r.choice([9, 10, 11, 12, 13, 14, 16, 18, 22]), r.uniform(15, 70)
    width = (sheet.width - margin * (columns + 1)) / columns
    language = sheet.words.language()
    for column in range(columns):
        x, y = margin + column * (width + margin), margin + size
        left = not language.startswith(RIGHT_TO_LEFT)
        while y < sheet.height - margin:
            if r.random() < 0.15:
                y += size
                sheet.text(x if left else x + width, y, size * r.choice([1.3, 1.6, 2.2]), sheet.words.line(language, 14),
                           fill=r.choice([sheet.ink, sheet.colour()]), weight="bold", anchor="start" if left else "end")
                y += size * 1.8
            for _ in range(r.randrange(3, 12)):
                if y > sheet.height - margin:
                    break
                sheet.text(x if left else x + width, y, size, sheet.words.line(language, width / size / 0.62),
                           anchor="start" if left else "end")
                y += size * r.choice([1.25, 1.4])
            y += size * 0.8
            if r.random() < 0.1:
                language = sheet.words.language()
                left = not language.startswith(RIGHT_TO_LEFT)


def table(sheet):
    """Rows and columns of numbers and names, ruled or striped."""
    r = sheet.random
    rows, columns, size = r.randrange(8, 34), r.randrange(3, 9), r.choice([9, 10, 11, 12, 14])
    left, top = r.uniform(5, 40), r.uniform(5, 60)
    width, height = (sheet.width - 2 * left) / columns, max(size * 1.5, (sheet.height - 2 * top) / rows)
    striped, ruled, language = r.random() < 0.5, r.random() < 0.6, sheet.words.language()
    for row in range(rows):
        y = top + row * height
        if row == 0 or (striped and row % 2 == 0):
            sheet.add("rect", x=left, y=y, width=width * columns, height=height, fill=sheet.colours[0 if row == 0 else 1],
                      fill_opacity=0.9 if row == 0 else 0.15)
        for column in range(columns):
            if column == 0 or row == 0:
                sheet.text(left + column * width + 5, y + height / 2 + size / 3, size, sheet.words.line(language, 6)[:16],
                           weight="bold" if row == 0 else "normal")
            else:
                sheet.text(left + (column + 1) * width - 5, y + height / 2 + size / 3, size, "%.*f" % (
                    r.randrange(4), r.gauss(0, 10 ** r.randrange(5))), anchor="end")
            if ruled:
                sheet.box(left + column * width, y, width, height, "none", stroke=sheet.ink, line=r.choice([0.5, 1]))


def chart(sheet):
    """Axes, grid, curves or bars or points, a legend."""
    r = sheet.random
    left, top, right, bottom = 60, 40, sheet.width - r.uniform(20, 140), sheet.height - 50
    size, language = r.choice([10, 11, 12, 14]), sheet.words.language()
    for k in range(r.randrange(4, 11) + 1):
        y = bottom - (bottom - top) * k / 10
        sheet.path([(left, y), (right, y)], sheet.ink, 0.3, dashes=r.choice(["", "3 3"]))
        sheet.text(left - 6, y + size / 3, size, "%g" % (k * 10 ** r.randrange(3)), anchor="end")
    kind = r.choice(["lines", "lines", "bars", "points"])
    series = r.randrange(1, 7)
    for s in range(series):
        colour, count, level = sheet.colours[s], r.randrange(6, 60), r.uniform(0.2, 0.8)
        xs = [left + (right - left) * (i + 0.5) / count for i in range(count)]
        ys = []
        for _ in xs:
            level = min(0.98, max(0.02, level + r.gauss(0, 0.08)))
            ys.append(bottom - (bottom - top) * level)
        if kind == "lines":
            dashes = r.choice(["", "", "6 4"])
            sheet.path(list(zip(xs, ys)), colour, r.choice([1, 1.5, 2, 3]), smooth=r.random() < 0.4, dashes=dashes)
        for x, y in zip(xs, ys):
            if kind == "bars" and s < 3:
                sheet.box(x + (s - 1) * (right - left) / count / 4, y, (right - left) / count / 4.5, bottom - y, colour)
            elif kind == "points":
                sheet.add("circle", cx=round(x, 1), cy=round(y, 1), r=r.choice([2, 3, 4]), fill=colour)
        sheet.box(right - 110, top + 6 + s * size * 1.5, size, size, colour)
        sheet.text(right - 92, top + 6 + s * size * 1.5 + size * 0.85, size, sheet.words.line(language, 6)[:14])
    sheet.path([(left, top), (left, bottom), (right, bottom)], sheet.ink, 1.2)
    sheet.text((left + right) / 2, 24, size * 1.5, sheet.words.line(language, 20), weight="bold", anchor="middle")


def wandering(r, x, y, step, count, turn):
    """A line that turns by and by."""
    points, angle = [(x, y)], r.uniform(0, 2 * math.pi)
    for _ in range(count):
        angle += r.gauss(0, turn)
        x, y = x + step * math.cos(angle), y + step * math.sin(angle)
        points.append((x, y))
    return points


def map_sheet(sheet):
    """Land, water, woods, contour lines, buildings, roads, names along and beside them."""
    r, wide, high = sheet.random, sheet.width, sheet.height
    sheet.box(0, 0, wide, high, r.choice(["#f2efe9", "#eef0e6", "#1f2a33", "#e8e4d8"]))
    for colour in ("#aad3df", "#c8e6b0", "#add19e", "#e0dfdf", "#f4e3c1"):
        for _ in range(r.randrange(0, 5)):
            x, y, radius = r.uniform(0, wide), r.uniform(0, high), r.uniform(30, 260)
            around = [(x + radius * r.uniform(0.5, 1.2) * math.cos(a * math.pi / 12), y + radius * r.uniform(0.5, 1.2) *
                       math.sin(a * math.pi / 12)) for a in range(24)]
            sheet.path(around, r.choice(["none", "#7fa8b8", "#90b080"]), 1, fill=colour, closed=True, smooth=r.random() < 0.6)
    if r.random() < 0.5:
        for _ in range(r.randrange(5, 40)):
            contour = wandering(r, r.uniform(0, wide), r.uniform(0, high), 25, 40, 0.25)
            sheet.path(contour, "#b08850", r.choice([0.5, 0.8]), smooth=True)
    for _ in range(r.randrange(0, 220)):
        x, y = r.uniform(0, wide), r.uniform(0, high)
        sheet.box(x, y, r.uniform(5, 28), r.uniform(5, 28), "#d9d0c9", stroke="#b8a99c", line=0.7)
    roads = (("#888888", "#ffffff", 4, 40), ("#a08040", "#fcd6a4", 7, 10), ("#b04060", "#e892a2", 9, 5))
    for casing, colour, line, count in roads:
        for _ in range(r.randrange(0, count)):
            points = wandering(r, r.uniform(0, wide), r.uniform(0, high), 40, 30, r.choice([0.02, 0.15, 0.4]))
            sheet.path(points, casing, line + 1.5, smooth=True)
            sheet.path(points, colour, line, smooth=True)
    language = sheet.words.language()
    for _ in range(r.randrange(5, 60)):
        size, x, y = r.choice([8, 9, 10, 11, 13, 17]), r.uniform(0, wide), r.uniform(0, high)
        name, turn = r.choice(sheet.words.by_language[language])[:22], r.choice([0, 0, 0, r.uniform(-80, 80)])
        extra = {"transform": "rotate(%g %g %g)" % (turn, x, y)} if turn else {}
        sheet.add("text", escape(name), x=round(x, 1), y=round(y, 1), font_size=size, font_family=sheet.family, fill="#333333",
                  stroke="#ffffff", stroke_width=2.5, paint_order="stroke", **extra)


def interface(sheet):
    """A window: title bar, menus, a list, buttons, fields, tabs, perhaps text or icons inside."""
    r, wide, high = sheet.random, sheet.width, sheet.height
    size, language = r.choice([11, 12, 13, 14]), sheet.words.language()
    sheet.box(0, 0, wide, size * 2.4, sheet.colours[0])
    sheet.text(wide / 2, size * 1.6, size, sheet.words.line(language, 14), weight="bold", anchor="middle", fill="#ffffff")
    for k in range(3):
        sheet.add("circle", cx=wide - 14 - 20 * k, cy=size * 1.2, r=5, fill=sheet.colours[k + 1])
    y, x = size * 2.4, 8
    sheet.box(0, y, wide, size * 2, sheet.tint(0, 0, 0.2 if sheet.dark else 0.93))
    for _ in range(r.randrange(3, 9)):
        word = r.choice(sheet.words.by_language[language])[:9]
        sheet.text(x, y + size * 1.4, size, word)
        x += size * 0.75 * len(word) + 14
    y += size * 2
    side = r.choice([0, wide * 0.22, wide * 0.3])
    for row in range(int((high - y) / (size * 1.9)) if side else 0):
        if r.random() < 0.1:
            sheet.box(0, y + row * size * 1.9, side, size * 1.9, sheet.colours[0])
        sheet.text(26, y + row * size * 1.9 + size * 1.3, size, sheet.words.line(language, 8)[:int(side / size / 0.6) - 4])
        sheet.box(8, y + row * size * 1.9 + size * 0.5, size * 0.9, size * 0.9, sheet.colour(), radius=2)
    sheet.path([(side, y), (side, high)], sheet.ink, 0.5)
    grey, line = sheet.tint(0, 0, 0.25 if sheet.dark else 0.97), sheet.tint(0, 0, 0.45 if sheet.dark else 0.7)
    while y < high - size * 4:
        x, kind = side + 16, r.choice(["button", "field", "check", "text", "slider", "tabs"])
        if kind == "text":
            for _ in range(r.randrange(1, 4)):
                sheet.text(x, y + size * 1.8, size, sheet.words.line(language, (wide - x) / size / 0.7))
                y += size * 1.4
        while x < wide - 120 and kind != "text":
            width = r.uniform(60, 200)
            word = sheet.words.line(language, 5)[:int(width / size / 0.65)]
            if kind in ("button", "tabs"):
                fill, radius = r.choice([grey, grey, sheet.colours[0]]), r.choice([0, 3, 6])
                sheet.box(x, y + size * 0.6, width, size * 2, fill, radius=radius, stroke=line)
                sheet.text(x + width / 2, y + size * 1.95, size, word, anchor="middle")
            elif kind == "field":
                sheet.box(x, y + size * 0.6, width, size * 2, "#101010" if sheet.dark else "#ffffff", stroke=line)
                sheet.text(x + 6, y + size * 1.95, size, word)
            elif kind == "check":
                sheet.box(x, y + size, size, size, grey, stroke=line)
                if r.random() < 0.5:
                    tick = [(x + 2, y + size * 1.5), (x + size * 0.45, y + size * 1.8), (x + size, y + size)]
                    sheet.path(tick, sheet.colours[0], 2)
                sheet.text(x + size * 1.5, y + size * 1.9, size, word)
            else:
                sheet.box(x, y + size * 1.4, width, 3, line, radius=1)
                sheet.add("circle", cx=round(x + width * r.random(), 1), cy=y + size * 1.5, r=size / 2,
                          fill=sheet.colours[0], stroke=line)
            x += width + r.choice([6, 12, 24])
        y += size * 2.8


def icon_sheet(sheet, icons):
    """Icons of a theme in a grid, some with a name below."""
    r = sheet.random
    side, language = r.choice([24, 32, 48, 64, 96, 160]), sheet.words.language()
    for y in range(10, sheet.height - side, int(side * 1.6)):
        for x in range(10, sheet.width - side, int(side * 1.6)):
            with open(r.choice(icons), "rb") as file:  # rsvg-convert opens no files for a document that has no place itself
                data = "data:image/svg+xml;base64," + base64.b64encode(file.read()).decode()
            sheet.add("image", x=x, y=y, width=side, height=side, **{"xlink:href": data})
            if side >= 48:
                sheet.text(x + side / 2, y + side * 1.25, 10, r.choice(sheet.words.by_language[language])[:9], anchor="middle")


def drawing(sheet):
    """Flat and shaded shapes with outlines, thick and thin, some hatched."""
    r = sheet.random
    outline, line = r.choice([sheet.ink, "#000000", "none"]), r.choice([1, 2, 3, 5, 8])
    for k in range(r.randrange(4, 50)):
        x, y, radius = r.uniform(0, sheet.width), r.uniform(0, sheet.height), r.uniform(10, 260)
        fill = sheet.colour()
        if r.random() < 0.3:
            gradient = r.choice(["linearGradient", "linearGradient", "radialGradient"])
            stops = "".join('<stop offset="%d" stop-color="%s"/>' % stop for stop in ((0, fill), (1, sheet.colour())))
            sheet.parts.append('<defs><%s id="g%d">%s</%s></defs>' % (gradient, k, stops, gradient))
            fill = "url(#g%d)" % k
        kind = r.choice(["circle", "ellipse", "polygon", "blob", "star", "lines", "stroke"])
        if kind == "circle":
            sheet.add("circle", cx=round(x, 1), cy=round(y, 1), r=round(radius / 2, 1), fill=fill, stroke=outline,
                      stroke_width=line)
        elif kind == "ellipse":
            sheet.add("ellipse", cx=round(x, 1), cy=round(y, 1), rx=round(radius, 1), ry=round(radius * r.uniform(0.2, 1), 1),
                      fill=fill, stroke=outline, stroke_width=line, transform="rotate(%d %d %d)" % (r.randrange(180), x, y))
        elif kind == "stroke":
            sheet.path(wandering(r, x, y, radius / 6, 20, 0.5), sheet.ink, line, smooth=True)
        elif kind == "lines":
            gap, turn = r.uniform(3, 14), r.uniform(0, math.pi)
            for i in range(int(radius / gap)):
                a, b = x + i * gap * math.cos(turn), y + i * gap * math.sin(turn)
                end = (a - radius * math.sin(turn), b + radius * math.cos(turn))
                sheet.path([(a, b), end], sheet.ink, r.choice([0.5, 1, 2]))
        else:
            corners = r.randrange(3, 9) if kind == "polygon" else 14
            star = [1.0, r.uniform(0.4, 0.8)] if kind == "star" else [1.0]
            around = []
            for i in range(corners):
                far = radius * star[i % len(star)] * (r.uniform(0.7, 1.1) if kind == "blob" else 1)
                angle = 2 * math.pi * i / corners
                around.append((x + far * math.cos(angle), y + far * math.sin(angle)))
            sheet.path(around, outline, line, fill=fill, closed=True, smooth=kind == "blob")


def render(svg, scale):
    """RGB, by rsvg-convert, at so many pixels for a unit."""
    command = ["rsvg-convert", "--unlimited", "--zoom", "%g" % scale, "--format", "png"]
    done = subprocess.run(command, input=svg.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit("train_graphics.py: rsvg-convert: " + done.stderr.decode(errors="replace").strip().split("\n")[0])
    return Image.open(io.BytesIO(done.stdout)).convert("RGB")


def main():
    if len(sys.argv) not in (3, 4) or not sys.argv[2].isdigit():
        sys.exit("usage: scripts/train_graphics.py OUT COUNT [SEED]")
    out, count = sys.argv[1], int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) == 4 else 1
    os.makedirs(out, exist_ok=True)
    icons = sorted(glob.glob("/usr/share/icons/*/**/*.svg", recursive=True))
    kinds = [text_page, text_page, table, chart, map_sheet, map_sheet, interface, interface, drawing, drawing]
    if icons:
        kinds.append(lambda sheet: icon_sheet(sheet, icons))
    for number in range(count):
        drawn = random.Random("%d %d" % (seed, number))
        scale = drawn.choice([1, 1, 1, 1.25, 1.5, 2])
        width, height = (int(side / scale) for side in drawn.choice([(960, 720), (1024, 768), (768, 1024), (1200, 800)]))
        sheet = Sheet(drawn, Words(drawn), width, height)
        kinds[number % len(kinds)](sheet)
        render(sheet.svg(), scale).save(os.path.join(out, "drawn_%d_%04d.ppm" % (seed, number)))
    print("%d pictures in %s" % (count, out))


if __name__ == "__main__":
    main()

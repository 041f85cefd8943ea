"""Pictures look in compass as they do in a browser or a colour-managed viewer, or compass says that they do not."""

import functools
import os
import struct
import zlib

import harness
from harness import BAD_FILE, GREY, GREY_ALPHA, LAB_COMMAND, RGB, RGBA, CommandTest, main

CASES = os.path.join(os.path.dirname(__file__), "../data/cases")

SRGB_PRIMARIES = (0.64, 0.33), (0.30, 0.60), (0.15, 0.06), (0.3127, 0.3290)
P3_PRIMARIES = (0.68, 0.32), (0.265, 0.69), (0.15, 0.06), (0.3127, 0.3290)

WIDTH, HEIGHT = 40, 24
png = functools.partial(harness.png, width=WIDTH, height=HEIGHT)


def levels(channels):
    """Bytes of a picture that has many colours."""
    return bytes((x * (5 + 2 * c) + y * (9 - 3 * c) + 40 * c) % 256
                 for y in range(HEIGHT) for x in range(WIDTH) for c in range(channels))


def gama(value):
    return b"gAMA", struct.pack(">I", round(value * 100000))


def chrm(primaries):
    red, green, blue, white = primaries
    return b"cHRM", struct.pack(">8I", *(round(v * 100000) for point in (white, red, green, blue) for v in point))


def cicp(primaries, transfer, matrix=0, full=1):
    return b"cICP", bytes((primaries, transfer, matrix, full))


def encode_srgb(light):
    light = min(1, max(0, light))
    return 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


def decode_srgb(value):
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def inverse(m):
    (a, b, c), (d, e, f), (g, h, i) = m
    det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    return [[(e * i - f * h) / det, (c * h - b * i) / det, (b * f - c * e) / det],
            [(f * g - d * i) / det, (a * i - c * g) / det, (c * d - a * f) / det],
            [(d * h - e * g) / det, (b * g - a * h) / det, (a * e - b * d) / det]]


def apply(m, v):
    return [sum(row[k] * v[k] for k in range(3)) for row in m]


def to_xyz(primaries):
    """Linear RGB to XYZ, from the primaries' and the white's chromaticities."""
    def xyz(point):
        return [point[0] / point[1], 1, (1 - point[0] - point[1]) / point[1]]
    columns = [xyz(p) for p in primaries[:3]]
    unscaled = [[columns[c][r] for c in range(3)] for r in range(3)]
    scale = apply(inverse(unscaled), xyz(primaries[3]))
    return [[unscaled[r][c] * scale[c] for c in range(3)] for r in range(3)]


def as_srgb(data, curve, primaries=SRGB_PRIMARIES):
    """The bytes of RGB whose light is curve(v) in those primaries, as sRGB. Both whites are the same."""
    into, back = to_xyz(primaries), inverse(to_xyz(SRGB_PRIMARIES))
    out = bytearray()
    for i in range(0, len(data), 3):
        light = apply(back, apply(into, [curve(v / 255) for v in data[i:i + 3]]))
        out += bytes(round(255 * encode_srgb(v)) for v in light)
    return bytes(out)


class ColourTest(CommandTest):
    def compare(self, first, second):
        """PSNR in dB; None if they are equal."""
        return self.lab_json("compare", first, second)["psnr"]

    def assert_alike(self, first, second, least=44):
        psnr = self.compare(first, second)
        self.assertTrue(psnr is None or psnr > least, psnr)

    def assert_equal(self, first, second):
        self.assertIsNone(self.compare(first, second))

    def notes(self, name):
        return self.json("encode", name, "file.cmps", "--layers", 1)["notes"]

    def refused(self, name, words):
        self.assertRegex(self.compass("encode", name, "no.cmps", code=BAD_FILE).stderr.decode(), words)


class PngChunks(ColourTest):
    def put_png(self, name, *chunks, **options):
        return self.put(name, png(levels(3), chunks=chunks, **options))

    def put_expected(self, curve, primaries=SRGB_PRIMARIES):
        self.put("expected.png", png(as_srgb(levels(3), curve, primaries)))

    def setUp(self):
        super().setUp()
        self.put_png("plain.png")

    def test_gamma_alone_is_of_srgb_primaries(self):
        for gamma in (1.0, 1 / 1.8, 0.3):
            with self.subTest(gamma=gamma):
                self.put_png("in.png", gama(gamma))
                self.put_expected(lambda v: v ** (1 / gamma))
                self.assert_alike("in.png", "expected.png")
                self.assertEqual(self.notes("in.png"), [])

    def test_a_screens_usual_gamma_is_srgb(self):
        self.put_png("in.png", gama(0.45455))
        self.assert_equal("in.png", "plain.png")
        self.put_png("in.png", gama(0.45455), chrm(SRGB_PRIMARIES))
        self.assert_equal("in.png", "plain.png")

    def test_a_gamma_of_no_sense_is_passed_over(self):
        for value in (0, 15, 625000001, 2 ** 31 - 1):
            with self.subTest(value=value):
                self.put_png("in.png", (b"gAMA", struct.pack(">I", value)))
                self.assert_equal("in.png", "plain.png")
                notes = self.notes("in.png")
                self.assertEqual(len(notes), 1, notes)
                self.assertIn("gAMA", notes[0])
        self.put_png("in.png", (b"sRGB", b"\0"), (b"gAMA", b"\0\0\0\0"))
        self.assertEqual(self.notes("in.png"), [])

    def test_primaries_count(self):
        self.put_png("in.png", gama(0.45455), chrm(P3_PRIMARIES))
        self.put_expected(lambda v: v ** 2.2, P3_PRIMARIES)
        self.assert_alike("in.png", "expected.png")
        self.put_png("in.png", chrm(P3_PRIMARIES))
        self.put_expected(decode_srgb, P3_PRIMARIES)
        self.assert_alike("in.png", "expected.png")

    def test_code_points_count(self):
        self.put_png("in.png", cicp(12, 13))
        self.put_expected(decode_srgb, P3_PRIMARIES)
        self.assert_alike("in.png", "expected.png")
        self.put_png("in.png", cicp(1, 8))
        self.put_expected(lambda v: v)
        self.assert_alike("in.png", "expected.png")
        self.put_png("in.png", cicp(1, 5))
        self.put_expected(lambda v: v ** 2.8)
        self.assert_alike("in.png", "expected.png")

    def test_sixteen_bits_are_converted_before_they_are_rounded(self):
        # Light at the dark end, where a step of 8 bits of light is many of sRGB.
        dark = [i * 3 for i in range(WIDTH * HEIGHT * 3)]
        self.put("in.png", png(struct.pack(">%dH" % len(dark), *dark), bits=16, chunks=[gama(1)]))
        self.put("expected.png", png(bytes(round(255 * encode_srgb(v / 65535)) for v in dark)))
        self.assert_alike("in.png", "expected.png", least=50)

    def test_the_strongest_wins(self):
        broken = b"iCCP", b"profile\0\0" + zlib.compress(b"none at all")
        # cICP over all others, sRGB over gAMA and cHRM.
        self.put_png("in.png", cicp(1, 13), gama(1), chrm(P3_PRIMARIES), (b"sRGB", b"\0"), broken)
        self.assert_equal("in.png", "plain.png")
        self.put_png("in.png", (b"sRGB", b"\0"), gama(1), chrm(P3_PRIMARIES))
        self.assert_equal("in.png", "plain.png")
        # A profile that is no use is said to be, and the next counts.
        self.put_png("in.png", broken, gama(1))
        self.put_expected(lambda v: v)
        self.assert_alike("in.png", "expected.png")
        self.assertRegex(self.notes("in.png")[0], "profile cannot be used")
        self.compass("encode", "in.png", "no.cmps", "--strict", code=BAD_FILE)

    def test_hdr_is_refused(self):
        for transfer, name in ((16, "PQ"), (18, "HLG")):
            self.put_png("in.png", cicp(9, transfer))
            self.refused("in.png", "HDR.*%s" % name)

    def test_what_makes_no_sense_is_said_so(self):
        self.put_png("in.png", cicp(1, 13, matrix=6))
        self.assertRegex(self.notes("in.png")[0], "cICP")
        self.put_png("in.png", cicp(77, 13))
        self.assertRegex(self.notes("in.png")[0], "code points")
        self.put_png("in.png", chrm(((0, 0),) * 4))
        self.assertRegex(self.notes("in.png")[0], "cHRM")
        self.put_png("in.png", (b"gAMA", b"\0\0\0\0"))
        self.assert_equal("in.png", "plain.png")

    def test_grey_and_alpha(self):
        grey = levels(1)
        self.put("in.png", png(grey, GREY, chunks=[gama(1)]))
        expected = bytes(round(255 * encode_srgb(v / 255)) for v in grey)
        self.put("expected.png", png(expected, GREY))
        self.assert_alike("in.png", "expected.png")
        opaque = b"".join(bytes((v, 255)) for v in grey)
        self.put("in.png", png(opaque, GREY_ALPHA, chunks=[gama(1)]))
        self.assert_alike("in.png", "expected.png")
        rgba = b"".join(bytes((v, v, v, 255)) for v in grey)
        self.put("in.png", png(rgba, RGBA, chunks=[gama(1)]))
        self.assert_alike("in.png", "expected.png")

    def test_through_a_pipe(self):
        data = png(levels(3), chunks=[gama(1)])
        self.put("in.png", data)
        self.compass("encode", "in.png", "file.cmps")
        self.compass("encode", "-", "pipe.cmps", stdin=data)
        self.assertEqual(self.get("file.cmps"), self.get("pipe.cmps"))

    def test_damaged_headers_are_refused(self):
        whole = png(levels(3), chunks=[gama(1), cicp(12, 13)])
        for length in range(8, 90, 3):
            self.put("in.png", whole[:length])
            self.compass("encode", "in.png", "no.cmps", code=BAD_FILE)


class Profiles(ColourTest):
    def case(self, name):
        return os.path.join(CASES, "icc-perceptual-only", name)

    def test_a_perceptual_table_alone_is_used(self):
        self.assert_alike(self.case("swapped.png"), self.case("right.png"), least=40)
        self.assertEqual(self.notes(self.case("swapped.png")), [])
        names = [chunk["name"] for chunk in self.json("info", "file.cmps")["metadata"]]
        self.assertIn("ICC profile", names)

    def test_one_for_another_model_is_said_to_be_no_use(self):
        for name in ("rgb_with_grey_profile.png", "grey_with_p3.png"):
            notes = self.notes(self.case(name))
            self.assertEqual(len(notes), 1, notes)
            self.assertRegex(notes[0], "profile cannot be used.*grey")
            names = [chunk["name"] for chunk in self.json("info", "file.cmps")["metadata"]]
            self.assertNotIn("ICC profile", names)


def tiff(data, tags, order="<", width=WIDTH, height=HEIGHT):
    """One strip. `tags`: number to (type, values); those of size and place are added."""
    short, long = 3, 4
    tags = {256: (long, [width]), 257: (long, [height]), 259: (short, [1]), 273: (long, [8]), 278: (long, [height]),
            279: (long, [len(data)]), **tags}
    data += b"\0" * (len(data) % 2)
    extra_at = 8 + len(data) + 2 + 12 * len(tags) + 4
    entries, extra = b"", b""
    for tag, (kind, values) in sorted(tags.items()):
        if kind == 5:
            packed = b"".join(struct.pack(order + "II", *value) for value in values)
        else:
            packed = struct.pack(order + str(len(values)) + {1: "B", 3: "H", 4: "I"}[kind], *values)
        where = packed.ljust(4, b"\0")
        if len(packed) > 4:
            where, extra = struct.pack(order + "I", extra_at + len(extra)), extra + packed
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + where
    return ((b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8 + len(data)) + data +
            struct.pack(order + "H", len(tags)) + entries + b"\0\0\0\0" + extra)


def tiff_tags(photometric, bits, samples, sample_format=1, extra=()):
    tags = {258: (3, [bits] * samples), 262: (3, [photometric]), 277: (3, [samples]), 284: (3, [1]),
            339: (3, [sample_format] * samples)}
    if extra:
        tags[338] = (3, list(extra))
    return tags


UNSIGNED, SIGNED, FLOAT, COMPLEX = 1, 2, 3, 6
MIN_IS_WHITE, MIN_IS_BLACK, TIFF_RGB, SEPARATED, YCBCR, CIELAB, ICCLAB = 0, 1, 2, 5, 6, 8, 9


class Samples(ColourTest):
    # Bits, sample format, struct's letter, number of a grey of 8 bits: as ImageMagick reads them.
    KINDS = ((16, UNSIGNED, "H", lambda v: v * 257), (32, UNSIGNED, "I", lambda v: v * 16843009),
             (8, SIGNED, "b", lambda v: v - 128), (16, SIGNED, "h", lambda v: v * 257 - 32768),
             (32, SIGNED, "i", lambda v: v * 16843009 - 2147483648),
             (32, FLOAT, "f", lambda v: v / 255), (64, FLOAT, "d", lambda v: v / 255))

    def assert_equal_or_refused(self, bits, first, second):
        """Not every libvips reads 64 bits."""
        if bits == 64 and self.run_command("compare", first, second, command=LAB_COMMAND).returncode == BAD_FILE:
            return self.refused(first, "cannot be read")
        return self.assert_equal(first, second)

    def test_every_kind_of_number(self):
        for channels, photometric in ((1, MIN_IS_BLACK), (3, TIFF_RGB)):
            plain = levels(channels)
            self.put("plain.png", png(plain, GREY if channels == 1 else RGB))
            for bits, kind, letter, number in self.KINDS:
                for order in "<>":
                    with self.subTest(channels=channels, bits=bits, kind=kind, order=order):
                        data = struct.pack(order + str(len(plain)) + letter, *map(number, plain))
                        self.put("in.tif", tiff(data, tiff_tags(photometric, bits, channels, kind), order))
                        self.assert_equal_or_refused(bits, "in.tif", "plain.png")
                        if bits == 8:
                            self.assertRegex(self.notes("in.tif")[0], "rounded to 8 bits")
                        elif bits == 16:
                            self.assertEqual(self.notes("in.tif"), [])
                        elif bits == 32:
                            self.assertRegex(self.notes("in.tif")[0], "rounded to 16 bits")

    def test_zero_may_be_white(self):
        plain = levels(1)
        self.put("plain.png", png(plain, GREY))
        for bits, kind, letter, number in ((8, UNSIGNED, "B", lambda v: v),) + self.KINDS:
            with self.subTest(bits=bits, kind=kind):
                data = struct.pack("<%d%s" % (len(plain), letter), *(number(255 - v) for v in plain))
                self.put("in.tif", tiff(data, tiff_tags(MIN_IS_WHITE, bits, 1, kind)))
                self.assert_equal_or_refused(bits, "in.tif", "plain.png")

    def test_few_bits(self):
        for bits in (1, 2, 4):
            with self.subTest(bits=bits):
                top = 2 ** bits - 1
                values = [(x * 7 + y * 3) % (top + 1) for y in range(HEIGHT) for x in range(WIDTH)]
                per_byte = 8 // bits
                data = bytes(sum(v << (8 - bits * (k + 1)) for k, v in enumerate(values[i:i + per_byte]))
                             for i in range(0, len(values), per_byte))
                for photometric in (MIN_IS_BLACK, MIN_IS_WHITE):
                    self.put("in.tif", tiff(data, tiff_tags(photometric, bits, 1)))
                    grey = [v if photometric == MIN_IS_BLACK else top - v for v in values]
                    self.put("plain.png", png(bytes(v * 255 // top for v in grey), GREY))
                    self.assert_equal("in.tif", "plain.png")

    def test_floats_beyond_white_are_said_so(self):
        data = struct.pack("<%df" % (WIDTH * HEIGHT), *([2.0, -1.0, float("nan")] + [0.5] * (WIDTH * HEIGHT - 3)))
        self.put("in.tif", tiff(data, tiff_tags(MIN_IS_BLACK, 32, 1, FLOAT)))
        self.assertRegex(self.notes("in.tif")[-1], "^3 float samples")

    def test_numbers_without_a_meaning_are_refused(self):
        self.put("complex.tif", tiff(b"\0" * 8 * WIDTH * HEIGHT, tiff_tags(MIN_IS_BLACK, 64, 1, COMPLEX)))
        self.compass("encode", "complex.tif", "no.cmps", code=BAD_FILE)

    def test_half_floats_are_read_right_or_refused(self):
        """libvips reads them from 8.16 on."""
        self.put("half.tif", tiff(b"\0\x38" * WIDTH * HEIGHT, tiff_tags(MIN_IS_BLACK, 16, 1, FLOAT)))
        if self.run_command("encode", "half.tif", "half.cmps").returncode != BAD_FILE:
            self.put("plain.png", png(bytes([128]) * WIDTH * HEIGHT, GREY))  # halves
            self.assert_equal("half.tif", "plain.png")


class TiffColours(ColourTest):
    def test_associated_alpha_is_taken_out_again(self):
        straight = bytes(v for y in range(HEIGHT) for x in range(WIDTH)
                         for v in (x * 6, y * 10, 255 - x * 6, 255 - (x + y) * 3))
        premultiplied = bytes(straight[i - i % 4 + 3] * v // 255 if i % 4 < 3 else v for i, v in enumerate(straight))
        self.put("straight.png", png(straight, RGBA))
        self.put("in.tif", tiff(premultiplied, tiff_tags(TIFF_RGB, 8, 4, extra=[1])))
        self.assert_alike("in.tif", "straight.png", least=42)
        self.put("in.tif", tiff(straight, tiff_tags(TIFF_RGB, 8, 4, extra=[2])))
        self.assert_equal("in.tif", "straight.png")

    def test_a_channel_without_a_meaning_is_no_alpha(self):
        plain = levels(3)
        self.put("plain.png", png(plain))
        more = b"".join(plain[i:i + 3] + bytes((i % 256,)) for i in range(0, len(plain), 3))
        self.put("in.tif", tiff(more, tiff_tags(TIFF_RGB, 8, 4, extra=[0])))
        self.assert_equal("in.tif", "plain.png")
        self.assertRegex(self.notes("in.tif")[0], "1 channel .* dropped")
        # Alpha behind one.
        more = b"".join(plain[i:i + 3] + bytes((i % 256, 255)) for i in range(0, len(plain), 3))
        self.put("in.tif", tiff(more, tiff_tags(TIFF_RGB, 8, 5, extra=[0, 2])))
        self.assert_equal("in.tif", "plain.png")
        self.assertEqual(len(self.notes("in.tif")), 1)

    def lab_patches(self):
        """CIE Lab colours inside sRGB, and what they are in sRGB: D50, adapted by Bradford's matrix."""
        to_srgb = ((3.1338561, -1.6168667, -0.4906146), (-0.9787684, 1.9161415, 0.0334540),
                   (0.0719453, -0.2289914, 1.4052427))
        patches, expected = [], b""
        for y in range(HEIGHT):
            for x in range(WIDTH):
                lab = 25 + x * 1.25, (y % 6 - 3) * 5, (y // 6 - 2) * 5
                fy = (lab[0] + 16) / 116
                f = fy + lab[1] / 500, fy, fy - lab[2] / 200
                xyz = [w * (t ** 3 if t > 6 / 29 else 3 * (6 / 29) ** 2 * (t - 4 / 29))
                       for w, t in zip((0.9642, 1, 0.8249), f)]
                patches.append(lab)
                expected += bytes(round(255 * encode_srgb(v)) for v in apply(to_srgb, xyz))
        return patches, expected

    def test_lab(self):
        patches, expected = self.lab_patches()
        self.put("expected.png", png(expected))
        data = b"".join(struct.pack("<Bbb", round(lab[0] * 2.55), lab[1], lab[2]) for lab in patches)
        self.put("in.tif", tiff(data, tiff_tags(CIELAB, 8, 3)))
        self.assert_alike("in.tif", "expected.png", least=46)
        data = b"".join(struct.pack("<Hhh", round(lab[0] * 655.35), lab[1] * 256, lab[2] * 256) for lab in patches)
        self.put("in.tif", tiff(data, tiff_tags(CIELAB, 16, 3)))
        self.assert_alike("in.tif", "expected.png", least=50)
        opaque = b"".join(struct.pack("<BbbB", round(lab[0] * 2.55), lab[1], lab[2], 255) for lab in patches)
        self.put("in.tif", tiff(opaque, tiff_tags(CIELAB, 8, 4, extra=[2])))
        self.assert_alike("in.tif", "expected.png", least=46)

    def test_white_of_lab_is_white(self):
        self.put("in.tif", tiff(b"\xff\0\0" * WIDTH * HEIGHT, tiff_tags(CIELAB, 8, 3)))
        self.put("white.png", png(b"\xff" * WIDTH * HEIGHT, GREY))
        self.assert_equal("in.tif", "white.png")

    def test_luma_and_chroma(self):
        def ycc(r, g, b):
            y = 0.299 * r + 0.587 * g + 0.114 * b
            return y, (b - y) / 1.772 + 128, (r - y) / 1.402 + 128
        # Blocks of 2x2 of one colour, so that halved chroma loses nothing.
        colours = [[(60 + 3 * x, 200 - 6 * y, 90 + 2 * x + y) for x in range(WIDTH // 2)] for y in range(HEIGHT // 2)]
        pixels = [colours[y // 2][x // 2] for y in range(HEIGHT) for x in range(WIDTH)]
        self.put("plain.png", png(bytes(v for pixel in pixels for v in pixel)))
        reference = {532: (5, [(0, 1), (255, 1), (128, 1), (255, 1), (128, 1), (255, 1)])}
        full = bytes(round(v) for pixel in pixels for v in ycc(*pixel))
        self.put("full.tif", tiff(full, {**tiff_tags(YCBCR, 8, 3), 530: (3, [1, 1]), **reference}))
        # Units of four luma samples and one of each chroma.
        units = [ycc(*colour) for row in colours for colour in row]
        halved = bytes(round(v) for luma, blue, red in units for v in (luma, luma, luma, luma, blue, red))
        self.put("halved.tif", tiff(halved, {**tiff_tags(YCBCR, 8, 3), 530: (3, [2, 2]), **reference}))
        # Of video's range.
        video = {532: (5, [(16, 1), (235, 1), (128, 1), (240, 1), (128, 1), (240, 1)])}
        narrow = bytes(round(16 + v * 219 / 255 if i % 3 == 0 else 128 + (v - 128) * 224 / 255)
                       for i, v in enumerate(full))
        self.put("narrow.tif", tiff(narrow, {**tiff_tags(YCBCR, 8, 3), 530: (3, [1, 1]), **video}))
        for name in ("full.tif", "halved.tif", "narrow.tif"):
            with self.subTest(name):
                self.assert_alike(name, "plain.png", least=40)
        self.compass("encode", "full.tif", "no.cmps", "--max-pixels", 100, code=BAD_FILE)
        self.put("cut.tif", self.get("full.tif")[:1000])
        self.compass("encode", "cut.tif", "no.cmps", code=BAD_FILE)

    def test_orientation_of_luma_and_chroma_counts(self):
        data = b"\x80\x80\x80" * WIDTH * HEIGHT
        self.put("in.tif", tiff(data, {**tiff_tags(YCBCR, 8, 3), 530: (3, [1, 1]), 274: (3, [6])}))
        layer = self.json("encode", "in.tif", "file.cmps")["layers"][-1]
        self.assertEqual((layer["width"], layer["height"]), (HEIGHT, WIDTH))

    def test_models_that_cannot_be_read_are_refused(self):
        self.put("icclab.tif", tiff(levels(3), tiff_tags(ICCLAB, 8, 3)))
        self.refused("icclab.tif", "colour model 9")
        self.put("inks.tif", tiff(levels(3), {**tiff_tags(SEPARATED, 8, 3), 332: (3, [2])}))
        self.refused("inks.tif", "inks")

    def test_inks_without_a_profile_are_said_to_be_guessed(self):
        self.put("in.tif", tiff(b"\0\0\0\0" * WIDTH * HEIGHT, tiff_tags(SEPARATED, 8, 4)))
        self.assertRegex(self.notes("in.tif")[0], "CMYK without")
        self.put("white.png", png(b"\xff" * WIDTH * HEIGHT, GREY))
        self.assert_alike("in.tif", "white.png", least=40)


class CodePointsOfAvif(ColourTest):
    """Of a file that compass wrote, where its libraries can, with other code points put in."""

    def avif(self, name, primaries, transfer):
        if not os.path.exists(self.path("plain.avif")):
            self.put("plain.png", png(levels(3)))
            self.compass("encode", "plain.png", "plain.cmps")
            if self.run_command("decode", "plain.cmps", "plain.avif", "--quiet").returncode != 0:
                self.skipTest("AVIF cannot be written here")
        data = self.get("plain.avif")
        at = data.find(b"colrnclx")
        if at < 0:
            self.skipTest("AVIF is written without code points here")
        return self.put(name, data[:at + 8] + struct.pack(">HH", primaries, transfer) + data[at + 12:])

    def test_they_count(self):
        self.avif("plain.avif", 1, 13)
        self.avif("in.avif", 1, 8)
        self.compass("encode", "plain.avif", "a.cmps", "-q", 100)
        self.assertNotEqual(self.compare("in.avif", "plain.avif"), None)
        self.assertLess(self.compare("in.avif", "plain.avif"), 20)
        self.assertEqual(self.notes("in.avif"), [])
        self.avif("in.avif", 2, 2)
        self.assert_equal("in.avif", "plain.avif")

    def test_hdr_is_refused(self):
        self.avif("in.avif", 9, 16)
        self.refused("in.avif", "HDR")


if __name__ == "__main__":
    main()

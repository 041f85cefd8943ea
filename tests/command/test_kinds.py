"""Pictures of other kinds than 8-bit sRGB: alpha, 16 bits, colours of their own, grey."""

import functools
import hashlib
import os
import struct
import time
import zlib

import harness
from harness import BAD_FILE, DAMAGED, FAILURE, GREY, GREY_ALPHA, RGB, RGBA, USAGE, CommandTest, Picture, main, tiff

CASES = os.path.join(os.path.dirname(__file__), "../data/cases")
WIDTH, HEIGHT = 45, 31
png = functools.partial(harness.png, width=WIDTH, height=HEIGHT)


def png_chunks(data):
    at, chunks = 8, {}
    while at < len(data):
        length = struct.unpack(">I", data[at:at + 4])[0]
        chunks.setdefault(data[at + 4:at + 8], data[at + 8:at + 8 + length])
        at += 12 + length
    return chunks


class Pam:
    """A PAM file's samples."""

    def __init__(self, data):
        head, self.samples = data.split(b"ENDHDR\n", 1)
        fields = dict(line.split(b" ", 1) for line in head.splitlines()[1:])
        self.size = int(fields[b"WIDTH"]), int(fields[b"HEIGHT"])
        self.depth, self.most, self.kind = int(fields[b"DEPTH"]), int(fields[b"MAXVAL"]), fields[b"TUPLTYPE"]
        if self.most > 255:
            self.samples = struct.unpack(">%dH" % (len(self.samples) // 2), self.samples)

    def band(self, number):
        return list(self.samples[number::self.depth])


def colours():
    return Picture.smooth(WIDTH, HEIGHT).rgb


def alphas():
    """Transparent on the left, opaque on the right, all between at the top."""
    return [(x * 8 + y) % 256 if y < 5 else 0 if x < 15 else 255 for y in range(HEIGHT) for x in range(WIDTH)]


def rgba():
    rgb = colours()
    return b"".join(rgb[3 * i:3 * i + 3] + bytes((a,)) for i, a in enumerate(alphas()))


class KindsTest(CommandTest):
    def kinds(self, name="file.cmps"):
        return self.json("info", name)["kinds"]

    def pam(self, *options, name="file.cmps"):
        self.compass("decode", name, "out.pam", *options)
        return Pam(self.get("out.pam"))


class Alpha(KindsTest):
    def setUp(self):
        super().setUp()
        self.put("in.png", png(rgba(), RGBA))

    def test_is_kept_without_loss_and_a_note(self):
        report = self.json("encode", "in.png", "file.cmps", "--strict")
        self.assertEqual(report["notes"], [])
        self.assertEqual(self.kinds(), ["alpha"])
        self.assertIn(b"alpha", self.compass("info", "file.cmps").stdout)
        whole = self.pam()
        self.assertEqual((whole.size, whole.depth, whole.kind), ((WIDTH, HEIGHT), 4, b"RGB_ALPHA"))
        self.assertEqual(whole.band(3), alphas())
        part = self.pam("--region", "3,2,20,9")
        self.assertEqual(part.band(3), [alphas()[WIDTH * y + x] for y in range(2, 11) for x in range(3, 23)])

    def test_every_size_has_it(self):
        self.compass("encode", "in.png", "file.cmps")
        for options, size in ((("--layer", 0), (11, 7)), (("--size", "30x20"), (30, 20)), (("--size", "80x60"), (80, 60))):
            made = self.pam(*options)
            self.assertEqual((made.size, made.depth), (size, 4))
            # Rows far below the gradient: transparent on the left, opaque on the right.
            last = made.band(3)[-size[0]:]
            self.assertEqual((last[0], last[-1]), (0, 255))

    def test_a_prefix_is_the_smaller_picture_with_alpha(self):
        self.compass("encode", "in.png", "file.cmps")
        info = self.json("info", "file.cmps")
        end = info["layers"][1]["end"]
        self.put("cut.cmps", self.get("file.cmps")[:end])
        self.compass("decode", "cut.cmps", "cut.pam", code=DAMAGED)
        self.compass("extract", "file.cmps", "two.cmps", "--layers", 2)
        self.assertEqual(self.kinds("two.cmps"), ["alpha"])
        self.compass("decode", "two.cmps", "two.pam")
        self.assertEqual(self.get("cut.pam"), self.get("two.pam"))
        self.put("cut.cmps", self.get("file.cmps")[:end - 1])
        self.compass("decode", "cut.cmps", "less.pam", code=DAMAGED)
        self.assertEqual(Pam(self.get("less.pam")).size, (11, 7))

    def test_formats_that_have_a_place_for_it(self):
        self.compass("encode", "in.png", "file.cmps")
        for ending in ("png", "tif", "webp", "pam"):
            with self.subTest(ending):
                self.assertEqual(self.json("decode", "file.cmps", "out." + ending)["notes"], [])
                self.compass("encode", "out." + ending, "again.cmps")
                self.assertEqual(self.pam(name="again.cmps").band(3), alphas())

    def test_formats_that_have_none_are_laid_over_white(self):
        self.compass("encode", "in.png", "file.cmps")
        seen = self.pam()
        for ending in ("ppm", "jpg"):
            notes = self.json("decode", "file.cmps", "out." + ending)["notes"]
            self.assertEqual(len(notes), 1)
            self.assertRegex(notes[0], "alpha.*white")
        flat = Picture.from_ppm(self.get("out.ppm"))
        for i, a in enumerate(alphas()):
            for c in range(3):
                self.assertEqual(flat.rgb[3 * i + c], (seen.band(c)[i] * a + 255 * (255 - a) + 127) // 255)

    def test_opaque_pictures_have_none(self):
        rgb = colours()
        self.put("opaque.png", png(b"".join(rgb[i:i + 3] + b"\xff" for i in range(0, len(rgb), 3)), RGBA))
        self.put("rgb.png", png(rgb, RGB))
        self.compass("encode", "opaque.png", "a.cmps")
        self.compass("encode", "rgb.png", "b.cmps")
        self.assertEqual(self.get("a.cmps"), self.get("b.cmps"))
        self.assertEqual(self.kinds("a.cmps"), [])

    def test_sheets_lay_it_over_white(self):
        self.compass("encode", "in.png", "file.cmps")
        self.compass("decode", "file.cmps", "flat.ppm")
        sheet = self.json("sheet", "file.cmps", "sheet.png", "--original", "in.png")
        # Hidden colours would be far off the original, which is laid over white, too.
        self.compass("encode", "flat.ppm", "flat.cmps")
        flat = self.json("sheet", "flat.cmps", "sheet.png", "--original", "in.png")
        self.assertGreater(sheet["layers"][-1]["psnr"], flat["layers"][-1]["psnr"] - 1)

    def test_damage_to_it_loses_its_layer_alone(self):
        self.compass("encode", "in.png", "file.cmps")
        data = bytearray(self.get("file.cmps"))
        data[-1] ^= 1  # of the top layer's alpha
        self.put("bad.cmps", data)
        message = self.compass("decode", "bad.cmps", "bad.pam", code=DAMAGED).stderr.decode()
        self.assertIn("alpha", message)
        self.assertEqual(Pam(self.get("bad.pam")).size, (22, 15))


class Md5(KindsTest):
    def md5(self, *options):
        return self.json("decode", "file.cmps", "--exact", "--md5", *options)["md5"]

    def test_is_that_of_the_samples_that_are_written(self):
        grey = colours()[::3]
        kinds = {"rgb": png(colours(), RGB), "rgba": png(rgba(), RGBA), "grey": png(grey, GREY)}
        for name, file in kinds.items():
            with self.subTest(name):
                self.put("in.png", file)
                self.compass("encode", "in.png", "file.cmps")
                for options in ((), ("--layer", 0), ("--region", "3,2,20,9")):
                    made = self.pam("--exact", *options)
                    samples = bytes(v for v in made.samples for _ in range(3)) if made.depth == 1 else made.samples
                    self.assertEqual(self.md5(*options), hashlib.md5(samples).hexdigest())

    def test_goes_without_a_picture_to_write(self):
        self.put("in.png", png(colours(), RGB))
        self.compass("encode", "in.png", "file.cmps")
        line = self.compass("decode", "file.cmps", "--md5", "--exact").stdout.decode()
        self.assertEqual(line, "%s  %dx%d  file.cmps\n" % (self.md5(), WIDTH, HEIGHT))
        self.compass("decode", "file.cmps", "out.png", "--md5", code=USAGE)
        self.compass("decode", "file.cmps", code=USAGE)
        self.assertFalse(os.path.exists(self.path("out.png")))


class Deep(KindsTest):
    def setUp(self):
        super().setUp()
        self.samples = [min(65535, 1000 * x + 700 * y + 9000 * c) for y in range(HEIGHT) for x in range(WIDTH)
                        for c in range(3)]
        self.put("in.tif", tiff(WIDTH, HEIGHT, self.samples, bits=16))

    def test_sixteen_bits_are_kept(self):
        report = self.json("encode", "in.tif", "file.cmps", "--strict")
        self.assertEqual(report["notes"], [])
        self.assertEqual(self.kinds(), ["more than 8 bits"])
        made = self.pam()
        self.assertEqual(made.most, 65535)
        self.assertTrue(any(v % 257 for v in made.samples))  # which 8 bits do not have
        for ending in ("png", "tif"):
            self.compass("decode", "file.cmps", "out." + ending)
            self.compass("encode", "out." + ending, "again.cmps")
            self.assertEqual(self.kinds("again.cmps"), ["more than 8 bits"])
        self.compass("decode", "file.cmps", "out.ppm")
        self.assertTrue(self.get("out.ppm").startswith(b"P6\n45 31\n65535\n"))

    def test_bits_are_for_the_user_to_say(self):
        self.compass("encode", "in.tif", "file.cmps")
        eight, sixteen = self.pam("--bits", 8), self.pam("--bits", 16)
        self.assertEqual((eight.most, sixteen.most), (255, 65535))
        self.assertEqual(self.pam().samples, sixteen.samples)
        for a, b in zip(eight.samples, sixteen.samples):
            self.assertLessEqual(abs(257 * a - b), 129)
        self.compass("decode", "file.cmps", "out.jpg")
        self.compass("decode", "file.cmps", "out.jpg", "--bits", 16, code=USAGE)
        self.compass("decode", "file.cmps", "out.png", "--bits", 12, code=USAGE)
        self.encode(Picture.smooth(20, 20), name="plain.cmps")
        self.assertEqual(self.pam(name="plain.cmps").most, 255)
        self.assertEqual(self.pam("--bits", 16, name="plain.cmps").most, 65535)

    def test_sizes_and_parts_have_them(self):
        self.compass("encode", "in.tif", "file.cmps")
        whole = self.pam()
        part = self.pam("--region", "4,5,6,7")
        rows = [whole.samples[3 * (WIDTH * y + 4):][:18] for y in range(5, 12)]
        self.assertEqual(list(part.samples), [v for row in rows for v in row])
        self.assertEqual(self.pam("--size", "20x10").most, 65535)

    def test_with_alpha(self):
        data = struct.pack(">%dH" % (4 * WIDTH * HEIGHT),
                           *(v for i, a in enumerate(alphas()) for v in (*self.samples[3 * i:3 * i + 3], a * 257)))
        self.put("in.png", png(data, RGBA, bits=16))
        self.assertEqual(self.json("encode", "in.png", "file.cmps", "--strict")["notes"], [])
        made = self.pam()
        self.assertEqual((made.most, made.depth), (65535, 4))
        self.assertEqual(made.band(3), [257 * a for a in alphas()])


    def test_alpha_deeper_than_8_bits_is_rounded_and_said(self):
        data = struct.pack(">%dH" % (4 * WIDTH * HEIGHT),
                           *(v for i, a in enumerate(alphas()) for v in (*self.samples[3 * i:3 * i + 3], min(65535, a * 257 + i % 2))))
        self.put("in.png", png(data, RGBA, bits=16))
        self.assertRegex(self.json("encode", "in.png", "file.cmps")["notes"][0], "alpha.*8 bits")
        self.assertEqual(self.pam().band(3), [257 * a for a in alphas()])
        self.compass("encode", "in.png", "strict.cmps", "--strict", code=BAD_FILE)
        self.assertFalse(os.path.exists(self.path("strict.cmps")))

    def test_what_a_format_cannot_hold_is_said(self):
        self.compass("encode", "in.tif", "file.cmps")
        for ending in ("jpg", "webp"):
            self.assertRegex(self.json("decode", "file.cmps", "out." + ending)["notes"][0], "8 bits")
            self.assertEqual(self.json("decode", "file.cmps", "out." + ending, "--bits", 8)["notes"], [])
        for ending in ("png", "tif", "ppm", "pam"):
            self.assertEqual(self.json("decode", "file.cmps", "out." + ending)["notes"], [])


class Formats(KindsTest):
    """Every kind in every format that is written here: its values, or a note of what is lost."""

    # Peak signal to noise that the format's own coding leaves at least, here of a smooth picture.
    LEAST = {"png": None, "tif": None, "pam": None, "webp": 30, "jpg": 35, "avif": 40, "heic": 40, "jxl": 30, "jp2": 40}
    EXACT_ALPHA = "png", "tif", "pam", "webp"

    def setUp(self):
        super().setUp()
        self.deep = [min(65535, 1000 * x + 700 * y + 9000 * c + 3) for y in range(HEIGHT) for x in range(WIDTH) for c in range(3)]

    def picture(self, grey, alpha, deep):
        """The file, after a picture of these kinds was encoded."""
        top = 257 if deep else 1
        samples = []
        for i, a in enumerate(alphas()):
            colours = self.deep[3 * i:3 * i + (1 if grey else 3)]
            samples += [v if deep else v >> 8 for v in colours] + ([a * top] if alpha else [])
        kind = {(0, 0): RGB, (0, 1): RGBA, (1, 0): GREY, (1, 1): GREY_ALPHA}[(grey, alpha)]
        self.put("in.png", png(struct.pack(">%d%s" % (len(samples), "H" if deep else "B"), *samples), kind, bits=16 if deep else 8))
        self.assertEqual(self.json("encode", "in.png", "file.cmps", "--strict")["notes"], [])
        names = ["alpha"] * alpha + ["grey"] * grey + ["more than 8 bits"] * deep
        self.assertEqual(self.kinds(), names)
        return names

    def check(self, ending, names):
        out = "out." + ending
        done = self.run_command("decode", "file.cmps", out, "--size", "180x124", "--quiet")
        if done.returncode == USAGE:
            self.assertIn(b"no picture format by the name", done.stderr)
            return
        notes = self.json("decode", "file.cmps", out, "--size", "180x124")["notes"]
        least = self.LEAST[ending]
        compared = self.lab_json("compare", "whole.pam", out)
        self.assertTrue(compared["equal"] if least is None else compared["equal"] or compared["psnr"] > least, compared)
        back = self.json("encode", out, "again.cmps", "--effort", 0)
        if ending in self.EXACT_ALPHA:
            self.assertEqual(back["notes"], [])  # among them, that alpha would be rounded
        kinds = self.kinds("again.cmps")
        said = " ".join(notes)
        for name, word in (("alpha", "alpha"), ("more than 8 bits", "8 bits")):
            if name in names and name not in kinds:
                self.assertIn(word, said)
        self.assertEqual([k for k in kinds if k not in names], [])
        self.assertEqual("12 bits" in said, "more than 8 bits" in names and ending in ("avif", "heic"))
        if "alpha" in kinds:
            whole, again = Pam(self.get("whole.pam")), self.pam(name="again.cmps")
            most = 0 if ending in self.EXACT_ALPHA else 12
            ours = [v / whole.most for v in whole.band(whole.depth - 1)]
            theirs = [v / again.most for v in again.band(again.depth - 1)]
            self.assertLessEqual(max(abs(a - b) for a, b in zip(ours, theirs)) * 255, most + 1e-6)

    def test_all(self):
        for grey in (0, 1):
            for alpha in (0, 1):
                for deep in (0, 1):
                    names = self.picture(grey, alpha, deep)
                    self.compass("decode", "file.cmps", "whole.pam", "--size", "180x124")
                    for ending in self.LEAST:
                        if ending != "pam":
                            with self.subTest(ending, names=names):
                                self.check(ending, names)


class OwnColours(KindsTest):
    def setUp(self):
        super().setUp()
        with open(os.path.join(CASES, "icc-perceptual-only/grey_with_p3.png"), "rb") as file:
            packed = png_chunks(file.read())[b"iCCP"]
        self.profile = zlib.decompress(packed[packed.index(b"\0") + 2:])
        self.put("in.png", png(colours(), RGB, chunks=[(b"iCCP", packed)]))
        self.put("plain.png", png(colours(), RGB))

    def test_are_converted_unless_asked_for(self):
        self.compass("encode", "in.png", "file.cmps")
        self.assertEqual(self.kinds(), [])
        self.compass("decode", "file.cmps", "out.png")
        self.assertNotIn(b"iCCP", png_chunks(self.get("out.png")))

    def test_are_kept_with_the_profile(self):
        self.assertEqual(self.json("encode", "in.png", "file.cmps", "--keep-profile", "--strip")["notes"], [])
        self.assertEqual(self.kinds(), ["colours of its profile"])
        self.compass("encode", "plain.png", "plain.cmps", "--keep-profile")
        self.assertEqual(self.kinds("plain.cmps"), [])
        # The same pixels, whatever they are called.
        self.compass("decode", "plain.cmps", "plain.ppm")
        self.compass("decode", "file.cmps", "out.png", "--strip")
        packed = png_chunks(self.get("out.png"))[b"iCCP"]
        self.assertEqual(zlib.decompress(packed[packed.index(b"\0") + 2:]), self.profile)
        self.compass("encode", "out.png", "again.cmps", "--keep-profile")
        self.assertEqual(self.kinds("again.cmps"), ["colours of its profile"])
        for ending in ("jpg", "webp", "tif"):
            self.compass("decode", "file.cmps", "out." + ending)
            self.assertIn(self.profile, self.get("out." + ending))
            self.compass("encode", "out." + ending, "again.cmps", "--keep-profile")
            self.assertEqual(self.kinds("again.cmps"), ["colours of its profile"])

    def test_colours_without_a_profile_are_kept_with_one(self):
        p3 = (0.3127, 0.3290, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
        for name, chunks in (("cicp", [(b"cICP", bytes((12, 13, 0, 1)))]),
                             ("chrm", [(b"cHRM", struct.pack(">8I", *(round(v * 100000) for v in p3)))]),
                             ("gama", [(b"gAMA", struct.pack(">I", 100000))])):
            with self.subTest(name):
                self.put("in.png", png(colours(), RGB, chunks=chunks))
                self.compass("encode", "in.png", "converted.cmps")
                self.assertEqual(self.kinds("converted.cmps"), [])
                self.assertEqual(self.json("encode", "in.png", "file.cmps", "--keep-profile", "--strip")["notes"], [])
                self.assertEqual(self.kinds(), ["colours of its profile"])
                # The pixels as they are, and the same file tomorrow.
                self.compass("encode", "plain.png", "plain.cmps")
                streams = [self.get(file)[-self.json("info", file)["layers"][-1]["bytes"]:] for file in ("plain.cmps", "file.cmps")]
                self.assertEqual(*streams)
                self.compass("decode", "file.cmps", "out.png")
                first = self.get("file.cmps")
                time.sleep(1.1)
                self.compass("encode", "in.png", "file.cmps", "--keep-profile", "--strip")
                self.assertEqual(self.get("file.cmps"), first)
                # With that profile they look as they did without.
                packed = png_chunks(self.get("out.png"))[b"iCCP"]
                self.put("tagged.png", png(colours(), RGB, chunks=[(b"iCCP", packed)]))
                compared = self.lab_json("compare", "in.png", "tagged.png")
                self.assertTrue(compared["equal"] or compared["psnr"] > 45, compared)

    def test_what_cannot_be_kept_is_said(self):
        self.put("grey.png", png(colours()[::3], GREY, chunks=[(b"gAMA", struct.pack(">I", 100000))]))
        self.assertRegex(self.json("encode", "grey.png", "file.cmps", "--keep-profile")["notes"][0], "not kept")
        self.assertEqual(self.json("encode", "grey.png", "file.cmps")["notes"], [])

    def test_formats_without_a_place_for_it_are_refused(self):
        self.compass("encode", "in.png", "file.cmps", "--keep-profile")
        message = self.compass("decode", "file.cmps", "out.ppm", code=FAILURE).stderr.decode()
        self.assertIn("profile", message)
        self.assertFalse(os.path.exists(self.path("out.ppm")))


class Grey(KindsTest):
    def setUp(self):
        super().setUp()
        rgb = colours()
        self.grey = bytes(rgb[::3])
        self.put("in.pgm", b"P5 %d %d 255\n" % (WIDTH, HEIGHT) + self.grey)
        self.put("rgb.ppm", b"P6 %d %d 255\n" % (WIDTH, HEIGHT) + bytes(v for v in self.grey for _ in range(3)))

    def test_is_marked_and_written_as_grey(self):
        self.compass("encode", "in.pgm", "file.cmps", "--effort", 0)
        self.compass("encode", "rgb.ppm", "rgb.cmps", "--effort", 0)
        self.assertEqual(self.kinds(), ["grey"])
        self.assertEqual(len(self.get("file.cmps")), len(self.get("rgb.cmps")) + 1)
        made = self.pam()
        self.assertEqual((made.depth, made.kind), (1, b"GRAYSCALE"))
        colour = self.pam(name="rgb.cmps")
        for i, v in enumerate(made.samples):
            self.assertEqual(v, (sum(colour.samples[3 * i:3 * i + 3]) + 1) // 3)
        self.compass("decode", "file.cmps", "out.ppm")
        self.assertTrue(self.get("out.ppm").startswith(b"P5\n"))
        self.compass("decode", "file.cmps", "out.png")
        self.assertEqual(png_chunks(self.get("out.png"))[b"IHDR"][9], GREY)
        for ending in ("jpg", "tif", "png"):
            self.compass("decode", "file.cmps", "out." + ending)
            self.compass("encode", "out." + ending, "again.cmps")
            self.assertEqual(self.kinds("again.cmps"), ["grey"])

    def test_with_alpha_and_depth(self):
        data = struct.pack(">%dH" % (2 * WIDTH * HEIGHT), *(v for i, a in enumerate(alphas()) for v in (self.grey[i] * 250, a * 257)))
        self.put("in.png", png(data, GREY_ALPHA, bits=16))
        self.compass("encode", "in.png", "file.cmps")
        self.assertEqual(self.kinds(), ["alpha", "grey", "more than 8 bits"])
        made = self.pam()
        self.assertEqual((made.depth, made.most, made.kind), (2, 65535, b"GRAYSCALE_ALPHA"))
        self.compass("decode", "file.cmps", "out.png")
        header = png_chunks(self.get("out.png"))[b"IHDR"]
        self.assertEqual((header[8], header[9]), (16, GREY_ALPHA))


if __name__ == "__main__":
    main()

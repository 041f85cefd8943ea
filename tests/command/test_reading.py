"""Pictures as they come: every container is read right or refused, in one line, whatever is in it."""

import os
import signal
import struct
import subprocess
import time
import zlib

from harness import BAD_FILE, COMMAND, FAILURE, IO, OK, CommandTest, Picture, main, tiff

CASES = os.path.join(os.path.dirname(__file__), "../data/cases")


class ReadingTest(CommandTest):
    def case(self, name):
        return os.path.join(CASES, name)

    def psnr(self, a, b):
        """None if they are equal."""
        return self.lab_json("compare", a, b)["psnr"]

    def assert_equal(self, a, b):
        self.assertIsNone(self.psnr(a, b), (a, b))

    def assert_refused(self, name, data, *words, code=BAD_FILE):
        message = self.compass("encode", self.put(name, data), "file.cmps", code=code).stderr.decode()
        self.assertNotIn("''", message)
        for word in words:
            self.assertIn(word, message)

    def notes(self, name):
        return self.json("encode", name, "file.cmps", "--layers", 1)["notes"]

    def written(self, picture, name):
        """The picture as a file of another format, by the command's own writers."""
        self.encode(picture, "--layers", 1, name="written.cmps")
        self.compass("decode", "written.cmps", name, "--quiet")
        return self.get(name)


class Pnm(ReadingTest):
    def test_samples_are_scaled_by_the_maximum(self):
        for maximum in (1, 2, 15, 100, 254, 255, 256, 1023, 4095, 65535):
            with self.subTest(maximum=maximum):
                samples = [i * maximum // 199 for i in range(200)]
                rgb = [(2 * 255 * v + maximum) // (2 * maximum) for v in samples for _ in range(3)]
                self.put("right.ppm", Picture(20, 10, rgb).ppm())
                binary = struct.pack(">200%s" % ("H" if maximum > 255 else "B"), *samples)
                self.put("grey.pgm", b"P5\n20 10\n%d\n" % maximum + binary)
                self.put("text.pgm", b"P2 20 10 %d\n" % maximum + b" ".join(b"%d" % v for v in samples))
                for name in ("grey.pgm", "text.pgm"):
                    # 16-bit samples are rounded once more.
                    error = self.psnr(name, "right.ppm")
                    self.assertTrue(error is None or (maximum > 255 and error > 50), (name, error))
                self.assertEqual(self.notes("grey.pgm"), [])

    def test_every_kind_is_read(self):
        bits = [(x ^ y) & 1 for y in range(7) for x in range(13)]
        self.put("bits.ppm", Picture(13, 7, [255 * (1 - b) for b in bits for _ in range(3)]).ppm())
        rows = [bits[13 * y:13 * y + 13] + [0] * 3 for y in range(7)]
        packed = bytes(int("".join(map(str, row[i:i + 8])), 2) for row in rows for i in (0, 8))
        rgb = Picture.smooth(13, 7)
        self.put("rgb.ppm", rgb.ppm())
        samples = b" ".join(b"%d" % v for v in rgb.rgb)
        pam = b"P7\nWIDTH 13\nHEIGHT 7\n# a comment\nDEPTH %d\nMAXVAL %d\nTUPLTYPE %s\nENDHDR\n"
        floats = [struct.unpack("<f", struct.pack("<f", v / 255))[0] for v in rgb.rgb]
        flipped = [v for y in reversed(range(7)) for v in floats[39 * y:39 * y + 39]]
        for name, data, right in (
                ("p1", b"P1\n# text\n13 7\n" + bytes(48 + b for b in bits), "bits.ppm"),
                ("p1s", b"P1 13 7 " + b" ".join(b"%d" % b for b in bits), "bits.ppm"),
                ("p4", b"P4 13 7\n" + packed, "bits.ppm"),
                ("p3", b"P3 13 #7\n 7 255\n" + samples, "rgb.ppm"),
                ("p6", b"P6\n#a\n13 #b\n7\n255#c\n" + rgb.rgb, "rgb.ppm"),
                ("p7", pam % (3, 255, b"RGB") + rgb.rgb, "rgb.ppm"),
                ("p7b", pam % (1, 1, b"BLACKANDWHITE") + bytes(1 - b for b in bits), "bits.ppm"),
                ("pf", b"PF\n13 7\n-1.0\n" + struct.pack("<273f", *flipped), "rgb.ppm"),
                ("pfb", b"PF 13 7 1\n" + struct.pack(">273f", *flipped), "rgb.ppm")):
            with self.subTest(name):
                self.put(name, data)
                self.assert_equal(name, right)
        self.assertIn("float samples", self.notes("pf")[0])
        self.put("alpha.pam", pam % (4, 255, b"RGB_ALPHA") + b"".join(rgb.rgb[i:i + 3] + b"\xff" for i in range(0, 273, 3)))
        self.assert_equal("alpha.pam", "rgb.ppm")
        self.assertEqual(self.notes("alpha.pam"), [])
        self.put("two.ppm", rgb.ppm() + rgb.ppm())
        self.assertIn("several", self.notes("two.ppm")[0])

    def test_hostile_headers_are_refused(self):
        for data in (b"P6 0 0 255\n", b"P6 -5 5 255\n" + bytes(75), b"P6 99999999999 1 255\n" + bytes(75),
                     b"P3 40 24 255\n1 2 3\n", b"P6 1 1 0\n" + bytes(9), b"P6 1 1 65536\n" + bytes(9),
                     b"P6 1 1\n", b"P6 ", b"P6 1 1 255", b"P5 2 2 255\n123", b"P5 2 2 100\n" + bytes([1, 2, 3, 101]),
                     b"P2 2 2 9\n1 2 3 10", b"P2 2 2 9\n1 2 x 4", b"P1 2 2 1 0 1 2", b"P4 9 2\n123",
                     b"P5 999999999 1 255\n", b"P5 1 20000000 255\n" + bytes(20),
                     b"P7\nWIDTH 2\nHEIGHT 2\nDEPTH 5\nMAXVAL 255\nENDHDR\n" + bytes(20), b"P7\nWIDTH 2\n",
                     b"PF 1 1 2.5\n" + bytes(12), b"PF 1 1 -1.0\n" + bytes(11), b"Pf 1 1 \n" + bytes(4)):
            with self.subTest(data[:20]):
                self.assert_refused("bad.pnm", data)

    def test_odd_shapes(self):
        for width, height in ((1, 1), (1, 300), (300, 1), (4096, 2)):
            picture = Picture(width, height, bytes(i % 251 for i in range(3 * width * height)))
            self.put("a.ppm", picture.ppm())
            self.put("b.ppm", b"P3 %d %d 255\n" % picture.size + b" ".join(b"%d" % v for v in picture.rgb))
            self.assert_equal("a.ppm", "b.ppm")


class Jpeg(ReadingTest):
    def test_damaged_data_is_refused(self):
        message = self.compass("encode", self.case("damaged.jpg"), "file.cmps", code=BAD_FILE).stderr
        self.assertIn(b"damaged near row", message)

    def test_only_the_end_marker_may_be_missing(self):
        whole = self.written(Picture.smooth(70, 50), "whole.jpg")
        self.assertEqual(whole[-2:], b"\xff\xd9")
        self.put("no_end.jpg", whole[:-2])
        self.assert_equal("no_end.jpg", "whole.jpg")
        for cut in (12, 100, len(whole) // 3):
            self.assert_refused("cut.jpg", whole[:-cut])

    def test_harmless_oddities_are_read(self):
        whole = self.written(Picture.smooth(70, 50), "whole.jpg")
        segment = b"\xff\xeb\0\x08abcdef"
        for name, data in (("trailing", whole + b"\0" * 100 + b"more"), ("fill", whole[:-2] + b"\xff" * 5 + whole[-2:]),
                           ("segment", whole[:2] + segment + whole[2:]),
                           ("between", whole[:2] + segment + b"\1\2\3" + whole[2:])):
            with self.subTest(name):
                self.put("odd.jpg", data)
                self.assert_equal("odd.jpg", "whole.jpg")

    def test_data_that_is_left_over_is_said(self):
        # Half of the rows are no longer wanted: what is coded for them stays behind.
        whole = bytearray(self.written(Picture.smooth(64, 64), "whole.jpg"))
        frame = max(whole.find(b"\xff\xc0"), whole.find(b"\xff\xc2"))
        whole[frame + 5:frame + 7] = struct.pack(">H", 32)
        self.put("short.jpg", whole)
        self.assertIn("may be damaged", self.notes("short.jpg")[0])
        self.compass("encode", "short.jpg", "file.cmps", "--strict", code=BAD_FILE)


class Jp2(ReadingTest):
    def test_palettes_offsets_and_chroma(self):
        self.compass("encode", self.case("pal.jp2"), "file.cmps", "--strict")
        self.compass("encode", self.case("offset.jp2"), "file.cmps", "--strict")
        self.assert_equal(self.case("offset.jp2"), self.case("right.png"))
        # 96x60: Y = 2x + y, and at half the resolution Cb = 60 + x and Cr = 200 - 2y.
        rgb = []
        for y in range(60):
            for x in range(96):
                luma, cb, cr = 2 * x + y, 60 + x // 2 - 128, 200 - 2 * (y // 2) - 128
                rgb += [max(0, min(255, round(v))) for v in
                        (luma + 1.402 * cr, luma - 0.344136 * cb - 0.714136 * cr, luma + 1.772 * cb)]
        self.put("right.ppm", Picture(96, 60, rgb).ppm())
        error = self.psnr(self.case("sycc420.jp2"), "right.ppm")
        self.assertTrue(error is None or error > 80, error)  # ties may be rounded either way

    def test_resolution_levels_are_no_pages(self):
        self.written(Picture.smooth(200, 150), "plain.jp2")
        self.compass("encode", "plain.jp2", "file.cmps", "--strict")

    def test_truncated_and_damaged_files_never_crash(self):
        whole = self.written(Picture.smooth(64, 48), "plain.jp2")
        for cut in range(0, len(whole) - 2, len(whole) // 12):
            self.assert_refused("cut.jp2", whole[:cut])
        palette = bytearray(self.get(self.case("pal.jp2")))
        for at in range(12, len(palette), len(palette) // 25):
            damaged = palette[:]
            damaged[at] ^= 0x5a
            done = self.run_command("encode", self.put("damaged.jp2", damaged), "file.cmps", "--quiet")
            self.assertIn(done.returncode, (OK, BAD_FILE), done.stderr)
            if done.returncode != OK:
                self.assert_one_line(done.stderr)


def png(*chunks):
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks)


def gif(frames, size=(12, 9)):
    """Black, lime, red and blue; lime is the background. Frames are (x, y, width, height, colour)."""
    data = b"GIF89a" + struct.pack("<HHBBB", *size, 0x91, 1, 0) + bytes.fromhex("00000000ff00ff00000000ff")
    for x, y, width, height, colour in frames:
        codes = []
        for i in range(width * height):
            codes += [4, colour] if i % 2 == 0 else [colour]  # clear often: codes stay 3 bits long
        bits = "".join(format(code, "03b")[::-1] for code in codes + [5])
        bits += "0" * (-len(bits) % 8)
        packed = bytes(int(bits[i:i + 8][::-1], 2) for i in range(0, len(bits), 8))
        blocks = b"".join(bytes([len(packed[i:i + 255])]) + packed[i:i + 255] for i in range(0, len(packed), 255))
        data += b"\x2c" + struct.pack("<HHHHB", x, y, width, height, 0) + b"\2" + blocks + b"\0"
    return data + b";"


class Animations(ReadingTest):
    def test_gif_frames_lie_on_the_canvas(self):
        self.put("whole.gif", gif([(0, 0, 12, 9, 2)]))
        self.put("red.ppm", Picture(12, 9, [255, 0, 0] * 108).ppm())
        self.assert_equal("whole.gif", "red.ppm")
        self.assertEqual(self.notes("whole.gif"), [])
        # A browser shows nothing where the first frame is not, whatever the background's colour.
        self.put("small.gif", gif([(3, 2, 5, 4, 2), (0, 0, 12, 9, 3)]))
        right = [255, 0, 0], [255, 255, 255]
        rgb = [v for y in range(9) for x in range(12) for v in right[0 if 3 <= x < 8 and 2 <= y < 6 else 1]]
        self.put("small.ppm", Picture(12, 9, rgb).ppm())
        self.assert_equal("small.gif", "small.ppm")
        notes = self.notes("small.gif")
        self.assertTrue(any("first of 2" in note for note in notes), notes)
        self.assertTrue(any("white" in note for note in notes), notes)

    def test_apng_is_said_to_be_one(self):
        rows = zlib.compress(b"".join(b"\0" + bytes([200, 30, 60]) * 12 for _ in range(9)))
        head = (b"IHDR", struct.pack(">IIBBBBB", 12, 9, 8, 2, 0, 0, 0))
        control = (b"fcTL", struct.pack(">IIIIIHHBB", 0, 12, 9, 0, 0, 1, 10, 0, 0))
        count = (b"acTL", struct.pack(">II", 2, 0))
        still, end = (b"IDAT", rows), (b"IEND", b"")
        for chunks, words in (([head, still, end], None), ([head, count, control, still, end], "first of 2"),
                              ([head, count, still, end], "not part of its animation")):
            self.put("a.png", png(*chunks))
            notes = self.notes("a.png")
            self.assertEqual(len(notes), 0 if words is None else 1, notes)
            if words:
                self.assertIn(words, notes[0])

    def test_heif_sequences_are_said_to_be_some(self):
        written = self.run_command("encode", self.put("in.ppm", Picture.smooth(40, 24).ppm()), "in.cmps", "--layers", 1)
        self.assertEqual(written.returncode, OK, written.stderr)
        if self.run_command("decode", "in.cmps", "still.avif").returncode != OK:
            self.skipTest("AVIF cannot be written here")
        still = self.get("still.avif")
        self.assertEqual(self.notes("still.avif"), [])
        self.put("sequence.avif", still[:8] + b"avis" + still[12:])
        self.assert_equal("sequence.avif", "still.avif")
        notes = self.notes("sequence.avif")
        self.assertEqual(len(notes), 1, notes)
        self.assertIn("sequence", notes[0])

    def test_jxl_animations_are_right_or_refused(self):
        done = self.run_command("encode", self.case("animation.jxl"), "file.cmps", "--json")
        if done.returncode == OK:
            self.assertIn(b"first of 2", done.stdout)
        else:
            self.assertEqual(done.returncode, BAD_FILE)
            self.assert_one_line(done.stderr)


class Refusals(ReadingTest):
    def test_formats_that_are_not_read_are_named(self):
        svg = b'<?xml version="1.0"?>\n<!-- a drawing -->\n<svg xmlns="http://www.w3.org/2000/svg"/>'
        for name, data in (("BMP", b"BM" + struct.pack("<IIIIiiHH", 86, 0, 54, 40, 2, 2, 1, 24) + bytes(60)),
                           ("SVG", svg), ("SVG", b"\xef\xbb\xbf \n" + svg), ("PDF", b"%PDF-1.7\n"), ("PSD", b"8BPS\0\1"),
                           ("Radiance HDR", b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n"), ("ICO", b"\0\0\1\0\1\0"),
                           ("OpenEXR", b"\x76\x2f\x31\x01"), ("HTML", b"<!DOCTYPE html><html>"), ("gzip", b"\x1f\x8b\x08"),
                           ("camera raw", b"II*\0\x10\0\0\0CR\2\0"), ("camera raw", b"\0\0\0\x18ftypcrx \0\0\0\1crx isom"),
                           ("camera raw", b"FUJIFILMCCD-RAW 0201"),
                           ("video", b"\0\0\0\x18ftypisom\0\0\0\1isomavc1")):
            with self.subTest(name):
                self.assert_refused("x", data, name, "not supported")
                self.compass("encode", "-", "file.cmps", stdin=data, code=BAD_FILE)
        # A DNG is a TIFF with a tag of its own, here in place of the last.
        dng = bytearray(tiff(8, 8, [0] * 192))
        directory = struct.unpack("<I", dng[4:8])[0]
        last = directory + 2 + 12 * (struct.unpack("<H", dng[directory:directory + 2])[0] - 1)
        dng[last:last + 12] = struct.pack("<HHI4B", 50706, 1, 4, 1, 4, 0, 0)
        self.assert_refused("x.dng", dng, "camera raw")

    def test_reasons_are_never_empty(self):
        broken = bytearray(png((b"IHDR", struct.pack(">IIBBBBB", 12, 9, 8, 2, 0, 0, 0)), (b"IDAT", b""), (b"IEND", b"")))
        broken[30] ^= 1  # in the header's checksum
        self.assert_refused("crc.png", broken)
        self.assert_refused("zero.ppm", b"P6 0 0 255\n")

    def test_libraries_print_nothing(self):
        noisy = self.environment(G_MESSAGES_DEBUG="all", VIPS_INFO="1")
        self.compass("encode", self.case("damaged.jxl"), "file.cmps", code=BAD_FILE, env=noisy)
        self.put("a.ppm", Picture.smooth(20, 10).ppm())
        self.compass("encode", "a.ppm", "a.cmps", "--quiet", env=noisy)
        done = self.compass("decode", "a.cmps", "-", "--format", "png", "--quiet", env=noisy)
        self.assertTrue(done.stdout.startswith(b"\x89PNG"), done.stdout[:80])
        self.assertEqual(done.stderr, b"")


class Streams(ReadingTest):
    def encode_from(self, stdin, *options):
        return subprocess.run([COMMAND, "encode", "-", "file.cmps", *options], stdin=stdin, capture_output=True,
                              cwd=self.directory, env=self.environment(), timeout=60)

    def test_empty_input_is_said_so(self):
        with open(os.devnull, "rb") as null:
            done = self.encode_from(null)
        self.assertEqual(done.returncode, BAD_FILE)
        self.assertIn(b"standard input: is empty", done.stderr)
        self.assert_one_line(done.stderr)
        self.compass("encode", "-", "file.cmps", stdin=b"", code=BAD_FILE)
        self.compass("encode", self.put("empty", b""), "file.cmps", code=BAD_FILE)

    def test_a_directory_is_refused(self):
        directory = os.open(self.directory, os.O_RDONLY)
        self.addCleanup(os.close, directory)
        done = self.encode_from(directory)
        self.assertEqual(done.returncode, IO)
        self.assert_one_line(done.stderr)

    def test_pipes_and_half_read_files_are_read(self):
        data = Picture.smooth(40, 30).ppm()
        self.compass("encode", self.put("a.ppm", data), "a.cmps")
        self.compass("encode", "-", "b.cmps", stdin=data)
        with open(self.put("c", b"a line before it\n" + data), "rb", buffering=0) as file:
            file.read(17)
            self.assertEqual(self.encode_from(file).returncode, OK)
        for name in ("b.cmps", "file.cmps"):
            self.assertEqual(self.get("a.cmps"), self.get(name))

    def test_endless_input_is_refused_at_once(self):
        with open("/dev/zero", "rb") as zero:
            done = self.encode_from(zero)
        self.assertEqual(done.returncode, BAD_FILE)
        self.assert_one_line(done.stderr)

    def test_endless_pictures_end_at_the_limit(self):
        script = "(printf '\\211PNG\\r\\n\\032\\n'; cat /dev/zero) | \"$0\" encode - file.cmps --max-memory 20M"
        done = subprocess.run(["sh", "-c", script, COMMAND], capture_output=True, cwd=self.directory,
                              env=self.environment(), timeout=60)
        self.assertEqual(done.returncode, BAD_FILE, done.stderr)
        self.assertIn(b"20000000 bytes", done.stderr)
        self.assert_one_line(done.stderr)

    def test_nothing_is_left_when_the_command_is_stopped(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            command = subprocess.Popen([COMMAND, "encode", "-", "file.cmps"], stdin=subprocess.PIPE, cwd=self.directory,
                                       env=self.environment(), stderr=subprocess.DEVNULL)
            command.stdin.write(b"\x89PNG\r\n\x1a\n")  # and it waits for more
            command.stdin.flush()
            reader = self.wait_for(lambda: children_of(command.pid))
            command.send_signal(number)
            command.wait(timeout=60)
            self.wait_for(lambda: not any(is_alive(pid) for pid in reader))
            command.stdin.close()

    def wait_for(self, happened):
        for _ in range(600):
            result = happened()
            if result:
                return result
            time.sleep(0.1)
        self.fail("it does not happen")


def stat_of(pid):
    """State and parent; None if there is no such process."""
    try:
        with open("/proc/%s/stat" % pid) as file:
            state, parent = file.read().rpartition(")")[2].split()[:2]
            return state, int(parent)
    except (FileNotFoundError, ProcessLookupError):
        return None


def children_of(parent):
    return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and (stat_of(pid) or ("", 0))[1] == parent]


def is_alive(pid):
    return (stat_of(pid) or "Z")[0] != "Z"


class Limits(ReadingTest):
    def test_too_little_memory_is_one_line(self):
        # A progressive JPEG, whose coefficients are held until the end, of 300 megapixels.
        whole = bytearray(self.written(Picture.smooth(64, 64), "whole.jpg"))
        frame = whole.find(b"\xff\xc0")
        whole[frame + 1] = 0xc2
        whole[frame + 5:frame + 9] = struct.pack(">HH", 15000, 20000)
        self.put("huge.jpg", whole)
        refused = self.compass("encode", "huge.jpg", "file.cmps", "--max-memory", "10M", code=FAILURE)
        self.assertIn(b"out of memory", refused.stderr)


if __name__ == "__main__":
    main()

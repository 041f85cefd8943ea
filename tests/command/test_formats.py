"""What picture formats cannot take: sizes, metadata, and disks that fill up while they are written."""

import os
import resource
import signal
import struct
import subprocess
import unittest
import zlib

from harness import COMMAND, DAMAGED, FAILURE, IO, OK, USAGE, CommandTest, Picture, main

OFFERED = ("png", "jpg", "webp", "tif", "ppm", "jp2", "avif", "heic", "jxl")


def png(picture, exif):
    """A PNG file with an Exif block."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + picture.rgb[3 * picture.width * y:][:3 * picture.width] for y in range(picture.height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", *picture.size, 8, 2, 0, 0, 0)) +
            chunk(b"eXIf", exif) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def exif(size):
    """A TIFF block of about that many bytes: a user's comment."""
    comment = b"ASCII\0\0\0" + b"c" * size
    return (b"II*\0" + struct.pack("<IHHHIII", 8, 1, 0x8769, 4, 1, 26, 0) +
            struct.pack("<HHHIII", 1, 0x9286, 7, len(comment), 44, 0) + comment)


class FormatTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.encode(Picture.smooth(64, 48), "--layers", 1)

    def writes(self, ending):
        """Whether the installed libvips writes that format. If not, that is said before anything is decoded."""
        done = self.run_command("decode", "file.cmps", "try." + ending, "--quiet")
        if done.returncode == USAGE:
            self.assert_one_line(done.stderr)
            self.assertIn(b"no picture format by the name '." + ending.encode(), done.stderr)
        else:
            self.assertEqual(done.returncode, OK, done.stderr)
        return done.returncode == OK


class Offers(FormatTest):
    def test_what_is_offered_can_be_written_and_nothing_else(self):
        refused = self.compass("decode", "file.cmps", "out.docx", code=USAGE).stderr.decode()
        offered = refused[refused.index("choose one of"):]
        for ending in OFFERED:
            self.assertEqual(self.writes(ending), ".%s " % ending in offered or ".%s," % ending in offered, ending)
        for always in (".png", ".jpg", ".webp", ".tif", ".ppm"):
            self.assertIn(always, offered)

    def test_it_is_said_before_anything_is_decoded(self):
        for ending in OFFERED:
            if not self.writes(ending):
                whole = self.get("file.cmps")
                for name in ("decode", "sheet"):
                    # Cut within its only layer, which decoding would stumble over.
                    self.put("cut.cmps", whole[:-3])
                    self.compass(name, "cut.cmps", "out." + ending, code=USAGE)


class Sizes(FormatTest):
    def test_stated_limits_are_known_before_decoding(self):
        self.put("cut.cmps", self.get("file.cmps")[:-3])
        for ending, longest in (("jpg", 65500), ("jpeg", 65500), ("webp", 16383), ("avif", 16384), ("heic", 16384)):
            if not self.writes(ending):
                continue
            for size in ("%dx1" % (longest + 1), "1x%d" % (longest + 1)):
                done = self.compass("decode", "cut.cmps", "out." + ending, "--size", size, code=FAILURE)
                self.assertIn(b"too large for the format", done.stderr)
            if ending in ("jpg", "webp"):
                self.compass("decode", "file.cmps", "out." + ending, "--size", "%dx1" % longest, "--quiet")

    def test_a_file_without_a_picture_is_not_a_success(self):
        """x265 takes no picture that is very wide and low; libheif then writes a file without one."""
        if not self.writes("heic"):
            self.skipTest("no HEIC here")
        for size in ("16384x16", "16x16384", "8193x16"):
            done = self.run_command("decode", "file.cmps", "out.heic", "--size", size, "--quiet")
            if done.returncode == OK:  # a writer that is better than that
                self.compass("encode", "out.heic", "again.cmps", "--layers", 1, "--quiet")
                continue
            self.assertEqual(done.returncode, FAILURE)
            self.assert_one_line(done.stderr)
            self.assertIn(b"too large for the format", done.stderr)
            self.assertFalse(os.path.exists(self.path("out.heic")))
            piped = self.compass("decode", "file.cmps", "-", "--format", "heic", "--size", size, code=FAILURE)
            self.assertEqual(piped.stdout, b"")

    def test_small_pictures_of_every_format(self):
        for ending in OFFERED:
            if self.writes(ending):
                for size in ("1x1", "1x70", "17x3"):
                    self.compass("decode", "file.cmps", "out." + ending, "--size", size, "--quiet")
                    self.assertGreater(len(self.get("out." + ending)), 0)


class Metadata(FormatTest):
    def decoded(self, name, size):
        self.put("in.png", png(Picture.smooth(40, 24), exif(size)))
        self.compass("encode", "in.png", "meta.cmps", "--quiet")
        return self.compass("decode", "meta.cmps", name)

    def test_what_fits_is_written_without_a_word(self):
        for name in ("out.png", "out.jpg", "out.webp"):
            done = self.decoded(name, 1000)
            self.assertEqual(done.stderr, b"")
            self.assertIn(b"c" * 1000, self.get(name))

    def test_what_does_not_fit_is_dropped_with_a_note(self):
        for name, size in (("out.jpg", 70_000), ("out.jpg", 2_000_000), ("out.png", 2_000_000),
                           ("out.webp", 2_000_000)):
            with self.subTest(name=name, size=size):
                done = self.decoded(name, size)
                if b"c" * size in self.get(name):
                    self.assertEqual(done.stderr, b"")  # a library with more room
                    continue
                self.assert_one_line(done.stderr)
                self.assertRegex(done.stderr.decode(), r"%s: its Exif block of \d+ bytes .* dropped" % name)
                self.compass("encode", name, "again.cmps", "--quiet")
                report = self.json("decode", "meta.cmps", name, "--quiet")
                self.assertEqual(len(report["notes"]), 1)
                self.assertEqual(self.json("decode", "meta.cmps", name, "--strip")["notes"], [])

    def test_pipes_get_the_picture_once(self):
        self.decoded("out.png", 2_000_000)
        self.assertEqual(self.compass("decode", "meta.cmps", "-", "--format", "png").stdout, self.get("out.png"))

    def test_a_format_without_a_place_for_it_says_nothing(self):
        self.assertEqual(self.decoded("out.ppm", 1000).stderr, b"")


class FullDisk(FormatTest):
    def limited(self, *arguments, size=2048):
        """The command under a limit on file sizes, which acts as a full disk does."""
        done = subprocess.run([COMMAND, *map(str, arguments)], cwd=self.directory, capture_output=True, timeout=120,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
                              env=self.environment())
        return done

    def test_every_format_ends_with_an_error(self):
        self.encode(Picture.smooth(300, 200), "--layers", 1, "-q", 90)
        for ending in OFFERED:
            if not self.writes(ending):
                continue
            for size in (0, 1, 2048):
                with self.subTest(ending=ending, size=size):
                    os.remove(self.path("try." + ending))
                    done = self.limited("decode", "file.cmps", "try." + ending, size=size)
                    self.compass("decode", "file.cmps", "whole." + ending, "--quiet")
                    if len(self.get("whole." + ending)) <= size:
                        self.assertEqual(done.returncode, OK)
                    else:
                        self.assertEqual(done.returncode, IO, done.stderr)
                        self.assert_one_line(done.stderr)
                        self.assertIn(b"too large", done.stderr)
                        self.assertFalse(os.path.exists(self.path("try." + ending)))
                    self.put("try." + ending, b"")
        self.assertEqual([n for n in os.listdir(self.directory) if n.endswith(".tmp")], [])

    def test_other_outputs_too(self):
        self.put("in.ppm", Picture.smooth(64, 48).ppm())
        self.assertEqual(self.limited("encode", "in.ppm", "out.cmps", size=10).returncode, IO)
        self.assertEqual(self.limited("extract", "file.cmps", "out.cmps", "--layers", 1, size=10).returncode, IO)
        self.assertEqual(self.limited("sheet", "file.cmps", "out.png", size=10).returncode, IO)
        self.assertFalse(os.path.exists(self.path("out.cmps")) or os.path.exists(self.path("out.png")))

    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full here")
    def test_a_full_device(self):
        for ending in OFFERED:
            if self.writes(ending):
                done = self.compass("decode", "file.cmps", "/dev/full", "--format", ending, code=IO)
                self.assertIn(b"No space left", done.stderr)


if __name__ == "__main__":
    main()

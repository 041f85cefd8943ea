"""Runs the two commands, compass and compass-lab, as a user would, and makes the files it is fed with. Standard library only."""

import json
import math
import os
import random
import shutil
import struct
import subprocess
import tempfile
import unittest
import zlib

COMMAND = os.environ.get("COMPASS_COMMAND", "compass")
LAB_COMMAND = os.environ.get("COMPASS_LAB_COMMAND", "compass-lab")
MODEL = os.environ.get("COMPASS_TEST_MODEL", os.path.join(os.path.dirname(__file__), "../data/tiny.safetensors"))

# The commands' exit codes (tools/common/exit_code.h).
OK, FAILURE, USAGE, BAD_FILE, DAMAGED, MODEL_OTHER, IO = range(7)

# The subcommands of compass-lab; all others are compass's.
LAB_COMMANDS = ("eval", "bdrate", "compare", "fit", "import", "export", "extend", "strip", "bench")


def program_of(subcommand):
    """The path of the program that has this subcommand."""
    return LAB_COMMAND if subcommand in LAB_COMMANDS else COMMAND


class Picture:
    """8-bit RGB rows without gaps."""

    def __init__(self, width, height, rgb):
        assert len(rgb) == 3 * width * height
        self.width, self.height, self.rgb = width, height, bytes(rgb)

    @property
    def size(self):
        return self.width, self.height

    @staticmethod
    def smooth(width, height, seed=1):
        """Waves of colour with a little noise: compressible, and different everywhere."""
        noise = random.Random(seed)
        rows = bytearray()
        for y in range(height):
            for x in range(width):
                for c in range(3):
                    v = 128 + 70 * math.sin((x * (c + 1) + 2 * y) / 23) + 40 * math.cos(y / (7 + 3 * c))
                    rows.append(max(0, min(255, int(v + noise.uniform(-6, 6)))))
        return Picture(width, height, rows)

    def crop(self, x, y, width, height):
        rows = [self.rgb[3 * ((y + v) * self.width + x):][:3 * width] for v in range(height)]
        return Picture(width, height, b"".join(rows))

    def ppm(self):
        return b"P6 %d %d 255\n" % self.size + self.rgb

    @staticmethod
    def from_ppm(data):
        fields, at = [], 2
        assert data[:2] == b"P6", data[:20]
        while len(fields) < 3:
            while data[at:at + 1].isspace() or data[at:at + 1] == b"#":
                at = data.index(b"\n", at) + 1 if data[at:at + 1] == b"#" else at + 1
            end = at
            while not data[end:end + 1].isspace():
                end += 1
            fields.append(int(data[at:end]))
            at = end
        return Picture(fields[0], fields[1], data[at + 1:])

    def psnr(self, other):
        assert self.size == other.size, (self.size, other.size)
        error = sum((a - b) ** 2 for a, b in zip(self.rgb, other.rgb)) / len(self.rgb)
        return math.inf if error == 0 else 10 * math.log10(255 ** 2 / error)


GREY, RGB, GREY_ALPHA, RGBA = 0, 2, 4, 6  # PNG's colour types


def png(data, colour_type=RGB, bits=8, chunks=(), *, width, height):
    """A PNG file of these samples and, before them, these (type, body) chunks."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    stride = len(data) // height
    rows = b"".join(b"\0" + data[y * stride:(y + 1) * stride] for y in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)) +
            b"".join(chunk(kind, body) for kind, body in chunks) + chunk(b"IDAT", zlib.compress(rows)) +
            chunk(b"IEND", b""))


def tiff(width, height, samples, bands=3, bits=8, orientation=None, alpha=False):
    """An uncompressed little-endian TIFF; `samples` as numbers, row by row."""
    data = struct.pack("<%d%s" % (len(samples), "H" if bits == 16 else "B"), *samples)
    tags = [(256, 4, [width]), (257, 4, [height]), (258, 3, [bits] * bands), (259, 3, [1]),
            (262, 3, [2 if bands >= 3 else 1]), (273, 4, [8]), (277, 3, [bands]), (278, 4, [height]),
            (279, 4, [len(data)]), (284, 3, [1])]
    if orientation:
        tags.append((274, 3, [orientation]))
    if alpha:
        tags.append((338, 3, [2]))
    directory_at = 8 + len(data) + len(data) % 2
    extra_at = directory_at + 2 + 12 * len(tags) + 4
    entries, extra = b"", b""
    for tag, kind, values in sorted(tags):
        packed = struct.pack("<%d%s" % (len(values), {3: "H", 4: "I"}[kind]), *values)
        if len(packed) > 4:
            where, extra = struct.pack("<I", extra_at + len(extra)), extra + packed
        else:
            where = packed.ljust(4, b"\0")
        entries += struct.pack("<HHI", tag, kind, len(values)) + where
    return (b"II*\0" + struct.pack("<I", directory_at) + data + b"\0" * (len(data) % 2) +
            struct.pack("<H", len(tags)) + entries + b"\0\0\0\0" + extra)


class CommandTest(unittest.TestCase):
    """A fresh directory per test, and the commands inside it."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="compass-test-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.directory, name)

    def put(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def get(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def environment(self, **changes):
        env = {k: v for k, v in os.environ.items() if k != "COMPASS_MODEL_PATH"}
        env["COMPASS_MODEL_PATH"] = MODEL
        env.update(changes)
        return env

    def run_command(self, *arguments, stdin=b"", env=None, command=COMMAND):
        """Runs `command arguments...` in the test's directory, whatever comes of it."""
        return subprocess.run([command, *map(str, arguments)], input=stdin, capture_output=True, cwd=self.directory,
                              env=env or self.environment(), timeout=300)

    def compass(self, *arguments, code=OK, command=COMMAND, **options):
        """The same, checking the exit code; every error must be one line on standard error."""
        done = self.run_command(*arguments, command=command, **options)
        self.assertEqual(done.returncode, code, "%s\n%s" % (arguments, done.stderr.decode(errors="replace")))
        if code != OK:
            self.assert_one_line(done.stderr, command)
        return done

    def lab(self, *arguments, **options):
        """The same with compass-lab."""
        return self.compass(*arguments, command=LAB_COMMAND, **options)

    def assert_one_line(self, stderr, command=COMMAND):
        lines = stderr.decode().splitlines()
        self.assertTrue(lines, "an error without a message")
        name = "compass-lab: " if command == LAB_COMMAND else "compass: "
        self.assertTrue(all(line.startswith(name) for line in lines), stderr)
        self.assertEqual(len(lines), 1, stderr)

    def json(self, *arguments, **options):
        return json.loads(self.compass(*arguments, "--json", **options).stdout)

    def lab_json(self, *arguments, **options):
        return self.json(*arguments, command=LAB_COMMAND, **options)

    def encode(self, picture, *options, name="file.cmps"):
        """Encodes, and returns encode's JSON."""
        self.put("in.ppm", picture.ppm())
        return self.json("encode", "in.ppm", name, *options)

    def decode(self, *options, name="file.cmps", **more):
        return Picture.from_ppm(self.compass("decode", name, "-", "--quiet", *options, **more).stdout)


def main():
    unittest.main()

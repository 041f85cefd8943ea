"""One line, always: whatever is in names, whatever libraries have to say."""

import json
import os
import subprocess
import unittest

from harness import BAD_FILE, COMMAND, FAILURE, IO, LAB_COMMAND, MODEL_OTHER, OK, USAGE, CommandTest, Picture, main

NAMES = (b"no\n\x1b[31msuch", b"tab\tand\rreturn", b"bell\x07\x7f", b"x\xff", b"c1\xc2\x9b31m", b"cut\xe2\x82",
         "turned\u202egnp".encode(), "line\u2028end".encode(), "Grüße 日本".encode(), b" ", b"'quoted'", b"{}%s")


class Names(CommandTest):
    def setUp(self):
        super().setUp()
        self.encode(Picture.smooth(30, 20), "--layers", 1)

    def run_bytes(self, *arguments, command=COMMAND, **changes):
        arguments = [a if isinstance(a, bytes) else str(a).encode() for a in arguments]
        return subprocess.run([command.encode(), *arguments], capture_output=True, cwd=self.directory, timeout=300,
                              env=self.environment(**changes))

    def assert_clean(self, output):
        """UTF-8 without control characters but the ends of lines."""
        text = output.decode("utf-8")
        for c in text.replace("\n", ""):
            self.assertFalse(ord(c) < 0x20 or 0x7f <= ord(c) < 0xa0 or c in "\u2028\u2029\u202e", output)
        return text

    def test_errors_and_reports(self):
        for name in NAMES:
            with self.subTest(name):
                for missing in (("encode", name + b".png", "o.cmps"), ("decode", name + b".cmps", "o.ppm"),
                                ("info", name), ("extract", name, "o", "--layers", 1)):
                    done = self.run_bytes(*missing)
                    self.assertNotEqual(done.returncode, OK)
                    self.assert_clean(done.stderr)
                    self.assert_one_line(done.stderr)
                for missing in (("compare", name, name), ("export", name, "o"), ("import", name, "o"), ("strip", name, "o"),
                                ("bdrate", name, name)):
                    done = self.run_bytes(*missing, command=LAB_COMMAND)
                    self.assertNotEqual(done.returncode, OK)
                    self.assert_clean(done.stderr)
                    self.assert_one_line(done.stderr, command=LAB_COMMAND)
                for wrong in (("encode", "in.ppm", "o", "--sizes", name), ("decode", "file.cmps", b"o." + name),
                              ("decode", "file.cmps", "o", "--format", name), ("encode", "in.ppm", "o", b"--" + name),
                              ("encode", "in.ppm", "o", "-q", name), (name,), ("encode", "in.ppm", "o", name),
                              ("encode", "in.ppm", "o", "--precision", name)):
                    done = self.run_bytes(*wrong)
                    self.assertEqual(done.returncode, USAGE, (wrong, done.stderr))
                    self.assert_clean(done.stderr)
                    self.assert_one_line(done.stderr)
                done = self.run_bytes("encode", "in.ppm", name + b".cmps")
                self.assertEqual(done.returncode, OK, done.stderr)
                self.assertRegex(self.assert_clean(done.stdout), r"\Ain.ppm to .*\.cmps: \d+ bytes.*\n *layer")
                self.assertTrue(os.path.exists(os.path.join(self.directory.encode(), name + b".cmps")))
                for arguments in (("info", name + b".cmps"), ("decode", name + b".cmps", name + b".png"),
                                  ("extract", name + b".cmps", name, "--layers", 1)):
                    done = self.run_bytes(*arguments)
                    self.assertEqual((done.returncode, done.stderr), (OK, b""))
                    self.assert_clean(done.stdout)
                    report = json.loads(self.assert_clean(self.run_bytes(*arguments, "--json").stdout))
                    self.assertEqual(report["input"], (name + b".cmps").decode(errors="replace"))

    def test_sheets_are_drawn_of_files_of_any_name(self):
        for name in NAMES:
            with self.subTest(name):
                path = os.path.join(self.directory.encode(), name + b".cmps")
                with open(path, "wb") as file:
                    file.write(self.get("file.cmps"))
                done = self.run_bytes("sheet", name + b".cmps", "sheet.png")
                self.assertEqual((done.returncode, done.stderr), (OK, b""))
                self.assertTrue(self.get("sheet.png").startswith(b"\x89PNG"))


class Libraries(CommandTest):
    def setUp(self):
        super().setUp()
        self.encode(Picture.smooth(30, 20), "--layers", 1)

    def test_libraries_print_nothing(self):
        talkative = self.environment(G_MESSAGES_DEBUG="all", VIPS_INFO="1", VIPS_TRACE="1", VIPS_LEAK="1",
                                     VIPS_PROGRESS="1", IM_PROGRESS="1")
        for ending in ("png", "jpg", "tif", "webp"):
            plain = self.compass("decode", "file.cmps", "-", "--format", ending, "--quiet").stdout
            done = self.compass("decode", "file.cmps", "-", "--format", ending, "--quiet", env=talkative)
            self.assertEqual((done.stdout, done.stderr), (plain, b""))
        self.put("in.png", self.compass("decode", "file.cmps", "-", "--format", "png", "--quiet").stdout)
        done = self.compass("encode", "in.png", "-", "--quiet", env=talkative)
        self.assertTrue(done.stdout.startswith(self.get("file.cmps")[:4]), done.stdout[:80])
        self.assertEqual(done.stderr, b"")
        self.compass("sheet", "file.cmps", "out.png", "--quiet", env=talkative)

    def test_every_failure_has_a_reason(self):
        self.put("empty", b"")
        for arguments in (("decode", "file.cmps", "no/such/place.png"), ("decode", "empty", "o.png"),
                          ("decode", "file.cmps", "o.jpg", "--size", "65501x1"),
                          ("encode", "empty", "o.cmps"), ("info", "empty")):
            done = self.run_command(*arguments)
            self.assertNotEqual(done.returncode, OK)
            self.assertNotIn(b"''", done.stderr)

    def test_what_to_do_is_said(self):
        self.put("not.safetensors", Picture.smooth(9, 9).ppm())
        os.mkdir(self.path("folder"))
        for code, said, arguments in (
                (MODEL_OTHER, b"--model: nope is neither a file nor an installed model",
                 ("encode", "in.ppm", "o.cmps", "--model", "nope")),
                (MODEL_OTHER, b"not a safetensors file", ("encode", "in.ppm", "o.cmps", "--model", "not.safetensors")),
                (USAGE, b"--format: no picture format by the name 'foo'", ("decode", "file.cmps", "o.png", "--format", "foo")),
                (USAGE, b"o: the name has no ending", ("decode", "file.cmps", "o")),
                (IO, b"folder: is a directory; name a file to write", ("decode", "file.cmps", "folder")),
                (USAGE, b"--append: a value is missing", ("encode", "in.ppm", "--append")),
                (BAD_FILE, b"in.ppm: needs about", ("encode", "in.ppm", "o.cmps", "--max-memory", "1M")),
                (BAD_FILE, b"more than the limit of 1 kB", ("decode", "file.cmps", "o.ppm", "--max-memory", "1k")),
                (BAD_FILE, b"raise the limit", ("decode", "file.cmps", "o.ppm", "--max-pixels", 10))):
            with self.subTest(arguments):
                done = self.compass(*arguments, code=code)
                self.assertIn(said, done.stderr)
                self.assert_one_line(done.stderr)


if __name__ == "__main__":
    main()

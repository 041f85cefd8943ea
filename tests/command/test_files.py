"""Pipes, prefixes, damage, models, and output that is whole or not there."""

import os
import random
import shutil
import signal
import subprocess
import time
import unittest

from harness import BAD_FILE, COMMAND, DAMAGED, FAILURE, IO, MODEL, MODEL_OTHER, OK, USAGE, CommandTest, Picture, main


class Pipes(CommandTest):
    def test_stdin_and_stdout(self):
        picture = Picture.smooth(70, 50)
        self.encode(picture)
        file = self.compass("encode", "-", "-", stdin=picture.ppm()).stdout
        self.assertEqual(file, self.get("file.cmps"))
        out = self.compass("decode", "-", "-", stdin=file).stdout
        self.assertEqual(Picture.from_ppm(out).rgb, self.decode().rgb)
        png = self.compass("decode", "-", "-", "--format", "png", stdin=file).stdout
        self.assertTrue(png.startswith(b"\x89PNG"))
        info = self.compass("info", "-", stdin=file).stdout
        self.assertIn(b"70x50", info)

    def test_silent_when_piped_and_quiet(self):
        self.put("in.ppm", Picture.smooth(70, 50).ppm())
        done = self.compass("encode", "in.ppm", "file.cmps", "--quiet")
        self.assertEqual((done.stdout, done.stderr), (b"", b""))
        done = self.compass("decode", "file.cmps", "out.png", "--quiet")
        self.assertEqual((done.stdout, done.stderr), (b"", b""))
        self.assertNotIn(b"\x1b", self.compass("decode", "file.cmps", "out.png").stderr)

    def test_a_layer_needs_no_byte_past_it(self):
        self.encode(Picture.smooth(90, 60))
        whole = self.get("file.cmps")
        for k, layer in enumerate(self.json("info", "file.cmps")["layers"]):
            prefix = whole[:layer["end"]]
            self.assertEqual(self.decode("--layer", k, "--strict", name="-", stdin=prefix).rgb,
                             self.decode("--layer", k).rgb)
        # And reads none: what follows in the pipe is still there for the next reader.
        layer = self.json("info", "file.cmps")["layers"][0]
        with open(self.path("file.cmps"), "rb") as file:
            offset_after = self._read_from(file, "--layer", "0")
        self.assertLessEqual(offset_after, max(layer["end"], 1024))

    def _read_from(self, file, *options):
        subprocess.run([COMMAND, "decode", "-", self.path("out.ppm"), "--quiet", *options], stdin=file, check=True,
                       env=self.environment())
        return os.lseek(file.fileno(), 0, os.SEEK_CUR)

    def test_a_closed_pipe_is_an_io_error(self):
        self.encode(Picture.smooth(300, 300), "--layers", 1)
        child = subprocess.Popen([COMMAND, "decode", self.path("file.cmps"), "-"], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, env=self.environment())
        child.stdout.close()
        message = child.stderr.read()
        child.stderr.close()
        self.assertEqual(child.wait(60), IO)
        self.assert_one_line(message)

    def test_json_and_data_do_not_mix(self):
        self.put("in.ppm", Picture.smooth(20, 20).ppm())
        self.compass("encode", "in.ppm", "-", "--json", code=USAGE)


class Damage(CommandTest):
    def setUp(self):
        super().setUp()
        self.encode(Picture.smooth(90, 60))
        self.whole = self.get("file.cmps")
        self.layers = self.json("info", "file.cmps")["layers"]
        self.pictures = [self.decode("--layer", k).rgb for k in range(3)]

    def best_whole_layer(self, length):
        return max((k for k, layer in enumerate(self.layers) if layer["end"] <= length), default=None)

    def test_prefixes_give_the_best_whole_layer(self):
        ends = [layer["end"] for layer in self.layers]
        lengths = {n + d for n in ends for d in (-1, 0, 1)} | {(a + b) // 2 for a, b in zip(ends, ends[1:])}
        for length in sorted(n for n in lengths if n < len(self.whole)):
            with self.subTest(length=length):
                done = self.run_command("decode", "-", "-", "--quiet", stdin=self.whole[:length])
                best = self.best_whole_layer(length)
                self.assert_one_line(done.stderr)
                if best is None:
                    self.assertIn(done.returncode, (BAD_FILE, DAMAGED))
                    self.assertEqual(done.stdout, b"")
                else:
                    self.assertEqual(done.returncode, DAMAGED)
                    self.assertEqual(Picture.from_ppm(done.stdout).rgb, self.pictures[best])
                    self.assertIn(b"layer", done.stderr)
                self.put("cut.cmps", self.whole[:length])
                self.put("out.ppm", b"before")
                strict = self.run_command("decode", "cut.cmps", "out.ppm", "--strict")
                self.assertIn(strict.returncode, (BAD_FILE, DAMAGED))
                self.assertEqual(self.get("out.ppm"), b"before")

    def test_short_prefixes_never_crash(self):
        for length in range(0, min(64, self.layers[0]["end"])):
            done = self.run_command("decode", "-", "-", "--quiet", stdin=self.whole[:length])
            self.assertIn(done.returncode, (BAD_FILE, DAMAGED), length)
            self.assert_one_line(done.stderr)
            self.assertIn(self.run_command("info", "-", stdin=self.whole[:length]).returncode,
                          (OK, BAD_FILE, DAMAGED))

    def test_flipped_bits_never_pass_for_good(self):
        dice = random.Random(7)
        for _ in range(40):
            at = dice.randrange(len(self.whole))
            bad = bytearray(self.whole)
            bad[at] ^= 1 << dice.randrange(8)
            with self.subTest(at=at):
                done = self.run_command("decode", "-", "-", "--quiet", stdin=bytes(bad))
                self.assertIn(done.returncode, (OK, BAD_FILE, DAMAGED, MODEL_OTHER), done.stderr)
                if done.stdout:  # whatever is shown is one of the true pictures
                    self.assertIn(Picture.from_ppm(done.stdout).rgb, self.pictures)
                if done.returncode == OK:
                    self.assertEqual(Picture.from_ppm(done.stdout).rgb, self.pictures[-1])

    def test_a_damaged_layer_is_named_and_the_one_below_is_given(self):
        start = self.layers[1]["end"] + 1
        bad = self.whole[:start] + bytes([self.whole[start] ^ 255]) + self.whole[start + 1:]
        done = self.run_command("decode", "-", "-", stdin=bad)
        self.assertEqual(done.returncode, DAMAGED)
        self.assertEqual(Picture.from_ppm(done.stdout).rgb, self.pictures[1])
        self.assertIn(b"layer 2", done.stderr)
        # A lower layer does not care.
        self.assertEqual(self.decode("--layer", 1, "--strict", name="-", stdin=bad).rgb, self.pictures[1])

    def test_other_files_are_refused(self):
        for data in (b"", b"\x89PNG\r\n\x1a\n" + bytes(100), bytes(1000), b"P6 1 1 255\nabc", os.urandom(500)):
            self.compass("decode", "-", "out.png", stdin=data, code=BAD_FILE)
            self.compass("info", "-", stdin=data, code=BAD_FILE)
            self.compass("extract", "-", "out.cmps", "--layers", 1, stdin=data, code=BAD_FILE)
            self.assertFalse(os.path.exists(self.path("out.png")))

    def test_limits_hold_for_files_too(self):
        self.compass("decode", "file.cmps", "out.png", "--max-pixels", "1000", code=BAD_FILE)


class Models(CommandTest):
    def setUp(self):
        super().setUp()
        self.encode(Picture.smooth(40, 30))

    def test_named_model(self):
        nowhere = self.environment(COMPASS_MODEL_PATH="/nonexistent")
        self.compass("decode", "file.cmps", "out.png", "--model", MODEL, env=nowhere)
        self.compass("encode", "in.ppm", "again.cmps", "--model", MODEL, env=nowhere)
        self.assertEqual(self.get("again.cmps"), self.get("file.cmps"))

    def test_found_by_its_id_in_a_directory(self):
        os.mkdir(self.path("models"))
        with open(MODEL, "rb") as model:
            self.put("models/any-name.safetensors", model.read())
        self.put("models/broken.safetensors", b"not a model")
        self.compass("decode", "file.cmps", "out.png", env=self.environment(COMPASS_MODEL_PATH=self.path("models")))

    def test_found_by_its_name(self):
        os.mkdir(self.path("models"))
        with open(MODEL, "rb") as model:
            self.put("models/small.safetensors", model.read())
        here = self.environment(COMPASS_MODEL_PATH="/nonexistent:" + self.path("models"))
        self.compass("encode", "in.ppm", "named.cmps", "--model", "small", env=here)
        self.assertEqual(self.get("named.cmps"), self.get("file.cmps"))
        self.compass("decode", "named.cmps", "out.png", "--model", "small", env=here)
        done = self.run_command("encode", "in.ppm", "x.cmps", "--model", "smaller", env=here)
        self.assertIn(done.returncode, (MODEL_OTHER, IO))
        self.assert_one_line(done.stderr)

    def test_missing_model_names_the_one_wanted(self):
        wanted = self.json("info", "file.cmps")["decoder"]
        done = self.compass("decode", "file.cmps", "out.png", code=MODEL_OTHER,
                            env=self.environment(COMPASS_MODEL_PATH=self.path("empty")))
        self.assertIn(wanted.encode(), done.stderr)

    def test_unreadable_models(self):
        self.compass("encode", "in.ppm", "x.cmps", "--model", self.put("bad", b"nonsense" * 9), code=MODEL_OTHER)
        done = self.run_command("encode", "in.ppm", "x.cmps", "--model", "missing")
        self.assertIn(done.returncode, (MODEL_OTHER, IO))
        self.assert_one_line(done.stderr)


class WholeOrNotThere(CommandTest):
    def setUp(self):
        super().setUp()
        self.put("in.ppm", Picture.smooth(200, 150).ppm())

    def test_killed_at_any_moment(self):
        self.compass("encode", "in.ppm", "good.cmps")
        good = self.get("good.cmps")
        begun = time.monotonic()
        self.compass("encode", "in.ppm", "good.cmps")
        whole = time.monotonic() - begun
        dice = random.Random(3)
        outcomes = set()
        for _ in range(12):
            self.put("out.cmps", b"before")
            child = subprocess.Popen([COMMAND, "encode", "in.ppm", "out.cmps"], cwd=self.directory,
                                     stdout=subprocess.DEVNULL, env=self.environment())
            time.sleep(dice.uniform(0, whole * 1.1))
            child.send_signal(signal.SIGKILL)
            child.wait()
            left = self.get("out.cmps")
            self.assertIn(left, (b"before", good))
            outcomes.add(left)
        self.assertIn(b"before", outcomes)  # else nothing was killed in time

    def test_failures_leave_nothing_behind(self):
        before = sorted(os.listdir(self.directory))
        self.compass("encode", "in.ppm", "out.cmps", "--sizes", "1x1", code=USAGE)
        self.compass("encode", "missing", "out.cmps", code=IO)
        self.assertEqual(sorted(os.listdir(self.directory)), before)

    def test_bad_places(self):
        for place in (self.directory, "no/such/directory/out.cmps", "in.ppm/out.cmps", ""):
            with self.subTest(place=place):
                self.compass("encode", "in.ppm", place, code=IO if place else USAGE)

    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full here")
    def test_full_disk(self):
        done = self.compass("encode", "in.ppm", "/dev/full", code=IO)
        self.assertIn(b"No space left", done.stderr)
        with open("/dev/full", "wb") as full:
            done = subprocess.run([COMMAND, "encode", self.path("in.ppm"), "-"], stdout=full, stderr=subprocess.PIPE,
                                  env=self.environment())
        self.assertEqual(done.returncode, IO)

    @unittest.skipIf(os.geteuid() == 0, "root may write anywhere")
    def test_unwritable_directory(self):
        os.chmod(self.directory, 0o500)
        self.addCleanup(os.chmod, self.directory, 0o700)
        self.compass("encode", "in.ppm", "out.cmps", code=IO)


class Words(CommandTest):
    def test_version_and_help(self):
        self.assertRegex(self.compass("--version").stdout.decode(), r"^compass \d+\.\d+\.\d+\n$")
        for command in ([], ["encode"], ["decode"], ["info"], ["extract"], ["sheet"]):
            text = self.compass(*command, "--help").stdout.decode()
            self.assertIn("Usage: compass", text)
            self.assertIn("Examples:", text)
            self.assertLessEqual(max(map(len, text.splitlines())), 80, text)

    def test_only_picture_formats_need_the_image_module(self):
        self.encode(Picture.smooth(60, 40))
        alone = shutil.copy(COMMAND, self.path("alone"))  # without the module that an installation has
        self.compass("info", "file.cmps", command=alone)
        self.compass("decode", "file.cmps", "out.ppm", command=alone)
        refused = self.compass("decode", "file.cmps", "out.png", command=alone, code=FAILURE)
        self.assertIn(b"install compass again", refused.stderr)
        self.assertFalse(os.path.exists(self.path("out.png")))

    def test_info(self):
        self.put("in.ppm", Picture.smooth(60, 40).ppm())
        self.compass("encode", "in.ppm", "file.cmps")
        report = self.json("info", "file.cmps")
        self.assertEqual(report["bytes"], len(self.get("file.cmps")))
        self.assertEqual([(l["width"], l["height"]) for l in report["layers"]], [(15, 10), (30, 20), (60, 40)])
        self.assertEqual(report["layers"][-1]["end"], len(self.get("file.cmps")))
        text = self.compass("info", "file.cmps").stdout.decode()
        for word in ("15x10", "30x20", "60x40", report["decoder"]):
            self.assertIn(word, text)

    def test_sheet(self):
        self.put("in.ppm", Picture.smooth(64, 48).ppm())
        self.compass("encode", "in.ppm", "file.cmps")
        self.compass("sheet", "file.cmps", "sheet.png", "--original", "in.ppm")
        self.assertTrue(self.get("sheet.png").startswith(b"\x89PNG"))


if __name__ == "__main__":
    main()

"""Options mean what they say, or are refused."""

import os
import re
import unittest

from harness import (COMMAND, DAMAGED, IO, LAB_COMMAND, LAB_COMMANDS, MODEL, OK, USAGE, CommandTest, Picture, main,
                     program_of)

COMMANDS = ("encode", "decode", "info", "extract", "sheet", "view", "serve", "publish")


class Values(CommandTest):
    def setUp(self):
        super().setUp()
        self.put("in.ppm", Picture.smooth(20, 16).ppm())
        self.compass("encode", "in.ppm", "file.cmps", "--layers", 1)

    def assert_refused(self, option, *arguments):
        done = self.compass(*arguments, code=USAGE, command=program_of(arguments[0]))
        self.assertIn(option.encode(), done.stderr)
        return done

    def options_of(self, command):
        """The long names of a command's options that take a value, and its arguments, from its help."""
        text = self.compass(command, "--help", command=program_of(command)).stdout.decode()
        options = re.findall(r"^  (?:-\w, |    )(--[\w-]+) \S", text, re.M)
        flags = ("--help", "--json", "--quiet", "--strict", "--strip", "--psnr", "--best", "--base-only", "--no-open",
                 "--keep-metadata", "--perceptual")
        positionals = re.search(r"^Usage: compass(?:-lab)? \w+(.*) \[options\]$", text, re.M).group(1).split()
        return [o for o in options if o not in flags], [p.strip("[].") for p in positionals if p.strip("[].")]

    def test_no_option_of_any_command_takes_nothing(self):
        files = {"encode": ["in.ppm", "o.cmps"], "decode": ["file.cmps", "o.ppm"], "info": ["file.cmps"],
                 "extract": ["file.cmps", "o.cmps"], "sheet": ["file.cmps", "o.png"], "view": ["file.cmps"],
                 "serve": ["."], "publish": [".", "o"], "compare": ["in.ppm", "in.ppm"],
                 "bdrate": ["a.csv", "b.csv"], "eval": [], "import": ["a.pt", "o"], "export": [MODEL, "o"],
                 "fit": [MODEL, "o", "in.ppm"], "extend": [MODEL, "o", "1"], "strip": [MODEL, "o"], "bench": []}
        self.assertEqual(set(files), set(COMMANDS + LAB_COMMANDS))
        seen = 0
        for command, arguments in files.items():
            options, positionals = self.options_of(command)
            for option in options:
                with self.subTest(command=command, option=option):
                    self.assert_refused(option, command, *arguments, option, "")
                    seen += 1
            self.assertEqual(len(positionals), len(arguments), positionals)
            for i, name in enumerate(positionals):
                with self.subTest(command=command, argument=name):
                    given = arguments[:i] + [""] + arguments[i + 1:]
                    self.assert_refused(name, command, *given, *(["--layers", 1] if command == "extract" else []))
                    seen += 1
        self.assertGreater(seen, 60)
        self.assertEqual([name for name in os.listdir(self.directory) if name.startswith("o")], [])

    def test_numbers_are_decimal_numbers(self):
        for text in ("nan", "inf", "-inf", "1e400", "5x", "5 ", " 5", "0x10", "five", "1,5", "--", "+5"):
            for option in ("--quality", "-q"):
                with self.subTest(option=option, text=text):
                    self.assert_refused("--quality", "encode", "in.ppm", "o.cmps", option + ("=" if option[1] == "-"
                                                                                             else "") + text)
            self.assert_refused("--lambda", "import", "a.pt", "o", "--lambda=" + text)
        for text in ("nan", "1e1", "2.0", "0x2", "02", "99999999999", "2x", "true", "-", " 2"):
            for command in ("encode in.ppm o --layers=", "encode in.ppm o --effort=", "encode in.ppm o --threads=",
                            "decode file.cmps o.ppm --layer=", "extract file.cmps o --layers=", "bench --runs=",
                            "fit %s o in.ppm --directions=" % MODEL, "eval --images . --jobs="):
                *arguments, option = command.split()
                with self.subTest(command=command, text=text):
                    self.assert_refused(option[:-1], *arguments, option + text)

    def test_numbers_out_of_range(self):
        for command in ("encode in.ppm o -q 101", "encode in.ppm o -q=-1", "encode in.ppm o --quality 1e300",
                        "encode in.ppm o --layers 0", "encode in.ppm o --layers 256", "encode in.ppm o --layers=-1",
                        "encode in.ppm o --effort 41", "encode in.ppm o --effort=-1", "encode in.ppm o --threads=-1",
                        "encode in.ppm o --threads 257", "encode in.ppm o --max-pixels=-1",
                        "encode in.ppm o --max-pixels 1e400", "encode in.ppm o --max-memory nan",
                        "encode in.ppm o --max-memory 0",
                        "encode in.ppm o --scales 0,1", "encode in.ppm o --scales 1,0.5",
                        "encode in.ppm o --scales 2,1", "encode in.ppm o --scales 1/0,1",
                        "encode in.ppm o --scales=-0.5,1", "encode in.ppm o --scales nan,1",
                        "encode in.ppm o --sizes 0x0,20x16", "encode in.ppm o --sizes 20x16x,20x16",
                        "encode in.ppm o --sizes 10x8", "encode in.ppm o --precision f64",
                        "decode file.cmps o.ppm --layer 1", "decode file.cmps o.ppm --layer=-1",
                        "decode file.cmps o.ppm --size 0x5", "decode file.cmps o.ppm --size=-5x5",
                        "decode file.cmps o.ppm --region 0,0,0,5", "decode file.cmps o.ppm --region=-1,0,5,5",
                        "decode file.cmps o.ppm --region 0,0,21,5", "decode file.cmps o.ppm --region 1e1,0,2,2",
                        "decode file.cmps o.ppm --format .", "decode file.cmps o.ppm --format docx",
                        "extract file.cmps o --layers 0", "extract file.cmps o --layers 2",
                        "import a.pt o --lambda 0", "import a.pt o --lambda=-1", "import a.pt o --kind x",
                        "import a.pt o --el-token x", "fit %s o in.ppm --directions 25" % MODEL,
                        "fit %s o in.ppm --threads=-1" % MODEL, "eval --images . --jobs=-1",
                        "eval --images . --qualities 101", "bench --runs 0", "bench --layers 0", "bench --layers 300",
                        "bench -q 101", "bench --effort 41", "bench --scales 0", "bench --size 0x0",
                        "bench --threads=-1"):
            with self.subTest(command):
                self.compass(*command.split(), code=USAGE, command=program_of(command.split()[0]))
                self.assertFalse(os.path.exists(self.path("o")) or os.path.exists(self.path("o.ppm")))
        option = re.compile(rb"--[a-z-]+: ")
        for command in ("encode in.ppm o --scales x", "encode in.ppm o --sizes x", "encode in.ppm o --scales 2,1",
                        "bench --scales x"):
            done = self.compass(*command.split(), code=USAGE, command=program_of(command.split()[0]))
            self.assertRegex(done.stderr, option)

    def test_wrong_scales_are_said_before_the_picture_is_read(self):
        self.compass("encode", "missing.ppm", "o.cmps", "--scales", "2,1", code=USAGE)
        self.compass("encode", "missing.ppm", "o.cmps", "--sizes", "2,1", code=USAGE)
        self.compass("encode", "missing.ppm", "o.cmps", "--scales", "0.5,1", code=IO)


class Programs(CommandTest):
    """Two commands that work alike, each with its own subcommands."""

    PROGRAMS = (("compass", COMMAND, COMMANDS), ("compass-lab", LAB_COMMAND, LAB_COMMANDS))

    def test_help_lists_the_subcommands_of_the_program_and_no_others(self):
        for name, command, subcommands in self.PROGRAMS:
            text = self.compass("--help", command=command).stdout.decode()
            self.assertIn("\nUsage: %s COMMAND [options]\n" % name, text)
            listed = re.search(r"^Commands:\n(.*?)\n\n", text, re.M | re.S).group(1)
            self.assertEqual(re.findall(r"^  (\w+) ", listed, re.M), list(subcommands))
            examples = re.search(r"^Examples:\n(.*?)\n\n", text, re.M | re.S).group(1).splitlines()
            for line in examples:
                self.assertRegex(line, "^  %s (%s) " % (name, "|".join(subcommands)))
            self.assertGreaterEqual(len(examples), 3)

    def test_examples_of_subcommands_are_of_their_program(self):
        for name, command, subcommands in self.PROGRAMS:
            for subcommand in subcommands:
                text = self.compass(subcommand, "--help", command=command).stdout.decode()
                self.assertRegex(text, r"\b%s %s\b" % (name, subcommand))
                for program, called in re.findall(r"^  (compass[\w-]*) (\w+)", text, re.M):
                    self.assertEqual((program, called), (name, subcommand))

    def test_manual_pages_name_every_subcommand(self):
        tools = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools")
        for folder, (name, _, subcommands) in zip(("compass", "lab"), self.PROGRAMS):
            with open(os.path.join(tools, folder, name + ".1"), encoding="utf-8") as file:
                synopsis, description = file.read().split(".SH DESCRIPTION\n")
            self.assertEqual(re.findall(r"^\.B %s (\w+)$" % name, synopsis, re.M), list(subcommands))
            for subcommand in subcommands:
                self.assertIn("\n.B %s\n" % subcommand, "\n" + description)

    def test_versions_are_the_same(self):
        versions = {}
        for name, command, _ in self.PROGRAMS:
            program, versions[name] = self.compass("--version", command=command).stdout.decode().split()
            self.assertEqual(program, name)
        self.assertEqual(len(set(versions.values())), 1)

    def test_what_is_the_others_is_refused(self):
        (_, compass, pictures), (_, lab, models) = self.PROGRAMS
        for name, command, foreign in (("compass", compass, models), ("compass-lab", lab, pictures)):
            for subcommand in foreign:
                done = self.compass(subcommand, code=USAGE, command=command)
                self.assertEqual(done.stderr.decode(),
                                 "%s: there is no command '%s'; see %s --help\n" % (name, subcommand, name))
            done = self.compass(code=USAGE, command=command)
            self.assertIn("see %s --help" % name, done.stderr.decode())


class Targets(CommandTest):
    def test_what_a_target_would_leave_without_effect_is_refused(self):
        self.put("in.ppm", Picture.smooth(96, 64).ppm())
        sized = "--target-size", "24x16@200,96x64@1k"
        for option, value in ("--layers", 3), ("--sizes", "48x32,96x64"), ("--scales", "0.5,1"):
            done = self.compass("encode", "in.ppm", "o.cmps", *sized, option, value, code=USAGE)
            self.assertIn(option.encode(), done.stderr)
        done = self.compass("encode", "in.ppm", "o.cmps", "--target-size", "1k", "-q", "40,60,90", code=USAGE)
        self.assertIn(b"--quality", done.stderr)
        self.compass("encode", "in.ppm", "o.cmps", "--target-size", "1k", "-q", 60, "--layers", 2)


class Best(CommandTest):
    """What can be had of a file that was cut on purpose."""

    def setUp(self):
        super().setUp()
        self.encode(Picture.smooth(90, 60))
        self.whole = self.get("file.cmps")
        self.layers = self.json("info", "file.cmps")["layers"]
        self.pictures = [self.decode("--layer", k).rgb for k in range(3)]
        self.cut = self.whole[:self.layers[1]["end"] + 1]

    def test_a_prefix_is_fine(self):
        for k in (0, 1):
            prefix = self.whole[:self.layers[k]["end"] + 5]
            done = self.compass("decode", "-", "-", "--best", "--quiet", stdin=prefix)
            self.assertEqual(Picture.from_ppm(done.stdout).rgb, self.pictures[k])
            self.assertEqual(done.stderr, b"")
            done = self.compass("decode", "-", "part.png", "--best", stdin=prefix)
            self.assert_one_line(done.stderr)  # a note
            self.assertIn(b"wrote layer %d" % k, done.stderr)
            report = self.json("decode", "-", "part.png", "--best", "--quiet", stdin=prefix)
            self.assertEqual(report["layer"], k)
            self.assertEqual(len(report["damage"]), 1)

    def test_a_whole_file_gives_its_largest_layer(self):
        done = self.compass("decode", "file.cmps", "out.ppm", "--best")
        self.assertEqual(done.stderr, b"")
        self.assertEqual(Picture.from_ppm(self.get("out.ppm")).rgb, self.pictures[2])

    def test_without_it_a_prefix_is_damaged(self):
        done = self.compass("decode", "-", "part.png", stdin=self.cut, code=DAMAGED)
        self.assertIn(b"--best", done.stderr)

    def test_nothing_whole_is_damaged_all_the_same(self):
        self.compass("decode", "-", "part.png", "--best", stdin=self.whole[:self.layers[0]["end"] - 1], code=DAMAGED)
        self.assertFalse(os.path.exists(self.path("part.png")))

    def test_an_exact_size_can_be_had_of_what_is_whole(self):
        done = self.compass("decode", "-", "-", "--best", "--size", "90x60", "--quiet", stdin=self.cut)
        self.assertEqual(Picture.from_ppm(done.stdout).size, (90, 60))

    def test_contradictions_are_refused(self):
        for options in (("--strict",), ("--layer", 1), ("--layer", 0, "--strict")):
            self.compass("decode", "file.cmps", "out.ppm", "--best", *options, code=USAGE)


if __name__ == "__main__":
    main()

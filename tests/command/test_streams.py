"""Standard descriptors, by whatever name, closed or full; pipes, devices; and outputs that are inputs."""

import os
import stat
import subprocess
import threading
import unittest

from harness import COMMAND, IO, LAB_COMMAND, MODEL, OK, USAGE, CommandTest, Picture, main, program_of, tiff


class Streams(CommandTest):
    def setUp(self):
        super().setUp()
        self.put("in.ppm", Picture.smooth(40, 30).ppm())
        self.compass("encode", "in.ppm", "file.cmps", "--layers", 2)
        self.exact = self.decode()

    def shell(self, script, code=OK):
        """Runs a shell script in which $COMPASS and $COMPASS_LAB are the commands."""
        done = subprocess.run(["sh", "-c", script], cwd=self.directory, capture_output=True, timeout=300,
                              stdin=subprocess.DEVNULL, env=self.environment(COMPASS=COMMAND, COMPASS_LAB=LAB_COMMAND))
        self.assertEqual(done.returncode, code, (script, done.stderr))
        return done

    def assert_same_picture(self, name):
        """The file is a whole picture that holds what the .cmps file does."""
        self.compass("encode", name, "again.cmps", "--layers", 1, "--quiet")
        self.put("exact.ppm", self.exact.ppm())
        self.compass("encode", "exact.ppm", "direct.cmps", "--layers", 1, "--quiet")
        self.assertEqual(self.get("again.cmps"), self.get("direct.cmps"))


class Closed(Streams):
    def test_nothing_is_written_into_the_output(self):
        """A closed descriptor's number must not go to the output file."""
        whole = self.get("file.cmps")
        for closed in ("0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"):
            with self.subTest(closed):
                self.shell('"$COMPASS" encode in.ppm out.cmps --layers 2 --quiet ' + closed)
                self.assertEqual(self.get("out.cmps"), whole)

    def test_notes_that_nobody_can_read_go_nowhere(self):
        self.put("alpha.tif", tiff(16, 8, [(i * 31) % 256 for i in range(16 * 8 * 4)], bands=4, bits=16, alpha=True))
        self.assertIn(b"alpha", self.compass("encode", "alpha.tif", "alpha.cmps").stderr)
        for lost in ("2>&-", "2>/dev/full"):
            self.shell('"$COMPASS" encode alpha.tif out.cmps ' + lost)
            self.assertEqual(self.get("out.cmps"), self.get("alpha.cmps"))
            self.shell('"$COMPASS" decode file.cmps bad.jpg --layer 9 ' + lost, code=USAGE)

    def test_reading_and_writing_what_is_closed_is_an_io_error(self):
        for script in ('"$COMPASS" encode - out.cmps 0<&-', '"$COMPASS" decode - out.png 0<&-',
                       '"$COMPASS" info - 0<&-', '"$COMPASS" extract - out.cmps --layers 1 0<&-',
                       '"$COMPASS" decode file.cmps - 1>&-', '"$COMPASS" encode in.ppm - 1>&-',
                       '"$COMPASS" decode file.cmps /dev/stdout 1>&-', '"$COMPASS" decode file.cmps /dev/fd/7'):
            with self.subTest(script):
                done = self.shell(script, code=IO)
                self.assert_one_line(done.stderr)
                self.assertIn(b"closed", done.stderr)
        self.assertFalse(os.path.exists(self.path("out.cmps")) or os.path.exists(self.path("out.png")))

    def test_reports_that_cannot_be_written_are_io_errors(self):
        for arguments in ("--version", "--help", "encode --help", "info file.cmps", "info file.cmps --json",
                          "encode in.ppm out.cmps", "encode in.ppm out.cmps --json", "decode file.cmps out.png",
                          "extract file.cmps out.cmps --layers 1", "sheet file.cmps out.png"):
            for where in ("1>&-", "1>/dev/full"):
                with self.subTest(arguments=arguments, where=where):
                    self.assert_one_line(self.shell('"$COMPASS" %s %s' % (arguments, where), code=IO).stderr)
        for arguments in ("--version", "--help", "bench --help", "compare in.ppm in.ppm"):
            for where in ("1>&-", "1>/dev/full"):
                with self.subTest(arguments=arguments, where=where):
                    done = self.shell('"$COMPASS_LAB" %s %s' % (arguments, where), code=IO)
                    self.assert_one_line(done.stderr, command=LAB_COMMAND)
        self.shell('"$COMPASS" encode in.ppm out.cmps --quiet 1>&-')  # has nothing to say


class NamesOfStandardOutput(Streams):
    NAMES = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/proc/thread-self/fd/1", "link", "here")

    def setUp(self):
        super().setUp()
        os.symlink("/dev/stdout", self.path("link"))
        os.symlink(self.path("got"), self.path("here"))

    def test_data_go_behind_what_is_there(self):
        whole = self.get("file.cmps")
        for name in self.NAMES:
            for redirection in (">", ">>"):
                with self.subTest(name=name, redirection=redirection):
                    self.put("got", b"")
                    script = '(echo HEAD; "$COMPASS" encode in.ppm %s --layers 2; echo TAIL) %s got'
                    done = self.shell(script % (name, redirection))
                    self.assertEqual(self.get("got"), b"HEAD\n" + whole + b"TAIL\n")
                    self.assertIn(b"bytes", done.stderr)  # the report

    def test_every_format_can_be_appended(self):
        for name in ("-", "/dev/stdout"):
            for ending in ("ppm", "png", "tif", "jp2", "jpg"):
                with self.subTest(name=name, ending=ending):
                    self.compass("decode", "file.cmps", "file." + ending, "--quiet")
                    self.shell('(echo HEAD; "$COMPASS" decode file.cmps %s --format %s; echo TAIL) > got' %
                               (name, ending))
                    self.assertEqual(self.get("got"), b"HEAD\n" + self.get("file." + ending) + b"TAIL\n")

    def test_pipes_carry_nothing_but_data(self):
        self.compass("decode", "file.cmps", "file.png", "--quiet")
        for name in ("-", "/dev/stdout", "/dev/fd/1"):
            done = self.shell('"$COMPASS" decode file.cmps %s --format png | cat' % name)
            self.assertEqual(done.stdout, self.get("file.png"))
        # Where everything goes into one pipe, the report has no place.
        done = self.shell('"$COMPASS" decode file.cmps - --format png 2>&1 | cat')
        self.assertEqual(done.stdout, self.get("file.png"))

    def test_json_has_no_place_beside_data(self):
        for name in ("-", "/dev/stdout", "/dev/fd/1"):
            self.compass("encode", "in.ppm", name, "--json", code=USAGE)
        self.json("encode", "in.ppm", "/dev/null")

    def test_other_descriptors(self):
        done = self.shell('"$COMPASS" encode in.ppm /dev/fd/5 --layers 2 5>got')
        self.assertEqual(self.get("got"), self.get("file.cmps"))
        self.assertIn(b"bytes", done.stdout)
        self.shell('"$COMPASS" encode in.ppm /dev/fd/5 5<file.cmps', code=IO)  # open, but for reading


class Pipes(Streams):
    def test_what_can_be_written_to_standard_output_can_be_written_to_a_named_pipe(self):
        os.mkfifo(self.path("pipe"))
        for ending in ("ppm", "png", "tif", "jp2", "jpg", "webp"):
            with self.subTest(ending):
                self.compass("decode", "file.cmps", "file." + ending, "--quiet")
                got = []

                def read():
                    with open(self.path("pipe"), "rb") as pipe:
                        got.append(pipe.read())

                reader = threading.Thread(target=read)
                reader.start()
                self.compass("decode", "file.cmps", "pipe", "--format", ending)
                reader.join(60)
                self.assertEqual(got, [self.get("file." + ending)])
                self.assertEqual(self.run_command("decode", "file.cmps", "-", "--format", ending).stdout, got[0])
                self.assertTrue(stat.S_ISFIFO(os.stat(self.path("pipe")).st_mode))
        self.put("got.tif", self.compass("decode", "file.cmps", "-", "--format", "tif").stdout)
        self.assert_same_picture("got.tif")

    def test_pipes_that_do_not_wait(self):
        """A descriptor may be set to return at once; nothing is lost by that."""
        self.put("big.ppm", Picture.smooth(300, 300).ppm())
        self.compass("encode", "big.ppm", "big.cmps", "--layers", 1)
        self.compass("decode", "big.cmps", "big2.ppm", "--quiet")
        read, write = os.pipe()
        os.set_blocking(write, False)
        with subprocess.Popen([COMMAND, "decode", self.path("big.cmps"), "-", "--quiet"], stdout=write,
                              env=self.environment()) as child:
            os.close(write)
            with open(read, "rb") as pipe:
                got = pipe.read()
            self.assertEqual(child.wait(60), OK)
        self.assertEqual(got, self.get("big2.ppm"))


class OutputIsInput(Streams):
    def assert_refused(self, name, *arguments, **options):
        before = self.get(name)
        done = self.compass(*arguments, code=USAGE, command=program_of(arguments[0]), **options)
        self.assertIn(b"read from as well", done.stderr)
        self.assertEqual(self.get(name), before)

    def test_every_subcommand_keeps_its_input(self):
        with open(MODEL, "rb") as model:
            self.put("model.safetensors", model.read())
        self.put("photo.png", self.compass("decode", "file.cmps", "-", "--format", "png").stdout)
        os.symlink("photo.png", self.path("symbolic.png"))
        os.link(self.path("photo.png"), self.path("hard.png"))
        for out in ("photo.png", "./photo.png", "symbolic.png", "hard.png"):
            self.assert_refused("photo.png", "encode", "photo.png", out)
            self.assert_refused("photo.png", "sheet", "file.cmps", out, "--original", "photo.png")
        self.assert_refused("file.cmps", "decode", "file.cmps", "file.cmps", "--format", "png")
        self.assert_refused("file.cmps", "extract", "file.cmps", "file.cmps", "--layers", 1)
        for arguments in (("encode", "in.ppm", "model.safetensors", "--model", "model.safetensors"),
                          ("import", "model.safetensors", "model.safetensors"),
                          ("import", "in.ppm", "model.safetensors", "--enhancement", "model.safetensors"),
                          ("export", "model.safetensors", "model.safetensors"),
                          ("strip", "model.safetensors", "model.safetensors"),
                          ("fit", "model.safetensors", "model.safetensors", *["in.ppm"] * 40)):
            self.assert_refused("model.safetensors", *arguments)
        self.assert_refused("in.ppm", "fit", "model.safetensors", "in.ppm", *["in.ppm"] * 40)

    def test_standard_streams_are_files_too(self):
        before = self.get("in.ppm")
        for script in ('"$COMPASS" encode - in.ppm < in.ppm', '"$COMPASS" encode in.ppm - >> in.ppm',
                       '"$COMPASS" encode /dev/stdin in.ppm < in.ppm', '"$COMPASS" encode - /dev/fd/0 0<>in.ppm',
                       '"$COMPASS" encode - - < in.ppm >> in.ppm'):
            with self.subTest(script):
                self.assert_one_line(self.shell(script, code=USAGE).stderr)
                self.assertEqual(self.get("in.ppm"), before)
        self.shell('"$COMPASS" encode in.ppm /dev/null </dev/null')  # nothing is lost there


if __name__ == "__main__":
    main()

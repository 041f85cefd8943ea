"""The command where the system gives it little: few threads, little address space. Standard library only."""

import os
import resource
import subprocess
import tempfile
import unittest

from harness import COMMAND, FAILURE, MODEL, OK, Picture

MEGABYTE = 1 << 20


class Limited(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        os.chmod(self.directory, 0o777)  # for a user without rights
        self.picture = self.path("in.ppm")
        with open(self.picture, "wb") as file:
            file.write(Picture.smooth(40, 24).ppm())

    def path(self, name):
        return os.path.join(self.directory, name)

    def run_limited(self, arguments, **limits):
        """The command with soft and hard limits such as AS=bytes."""
        def limit():
            for name, value in limits.items():
                resource.setrlimit(getattr(resource, "RLIMIT_" + name), (value, value))
            if "NPROC" in limits and os.getuid() == 0:  # root has as many processes as it likes
                os.setgroups([])
                os.setgid(65533)
                os.setuid(65533)
        return subprocess.run([COMMAND] + arguments + ["--model", MODEL], preexec_fn=limit, capture_output=True,
                              timeout=120)

    def test_threads_that_do_not_start_are_done_without(self):
        coded, plain = self.path("limited.cmps"), self.path("plain.cmps")
        self.assertEqual(self.run_limited(["encode", self.picture, plain]).returncode, OK)
        for threads in ("0", "256"):
            done = self.run_limited(["encode", self.picture, coded, "--threads", threads], NPROC=20)
            self.assertEqual(done.returncode, OK, done.stderr)
            with open(coded, "rb") as one, open(plain, "rb") as other:
                self.assertEqual(one.read(), other.read())
            for limit in (1, 20):
                done = self.run_limited(["decode", coded, self.path("out.ppm"), "--threads", threads], NPROC=limit)
                self.assertEqual(done.returncode, OK, done.stderr)
                os.remove(self.path("out.ppm"))
            os.remove(coded)

    def test_where_no_process_starts_pictures_cannot_be_read(self):
        done = self.run_limited(["encode", self.picture, self.path("out.cmps")], NPROC=1)
        self.assertEqual(done.returncode, FAILURE)
        self.assertRegex(done.stderr, b"^compass: .*cannot start the program that reads pictures: .*; raise the limit "
                                      b"on processes\n$")
        self.assertFalse(os.path.exists(self.path("out.cmps")))

    def test_little_address_space_is_said_to_be_too_little(self):
        coded = self.path("plain.cmps")
        self.assertEqual(self.run_limited(["encode", self.picture, coded]).returncode, OK)
        for arguments in (["encode", self.picture, self.path("out.cmps")], ["decode", coded, self.path("out.ppm")]):
            codes = set()
            for room in range(200, 1400, 60):
                done = self.run_limited(arguments + ["--threads", "2"], AS=room * MEGABYTE)
                # Below some size the system does not even load the program: 127, or killed by the loader.
                if b"error while loading shared libraries" in done.stderr:
                    continue
                self.assertIn(done.returncode, (OK, FAILURE), (room, arguments, done.stderr))
                if done.returncode == FAILURE:
                    self.assertRegex(done.stderr, b"^compass: [^\\n]*out of memory[^\\n]*\\n$", room)
                codes.add(done.returncode)
            self.assertIn(OK, codes)


if __name__ == "__main__":
    unittest.main()

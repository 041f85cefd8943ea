"""Interrupted commands leave nothing behind, on file systems without unnamed files as well."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from harness import COMMAND, IO, OK, CommandTest, Picture, main

# Stands between the command and the C library, as a file system without O_TMPFILE would.
NO_UNNAMED_FILES = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#define WITHOUT(name)                                                  \
  int name(const char* path, int flags, ...) {                         \
    va_list rest;                                                      \
    va_start(rest, flags);                                             \
    int mode = va_arg(rest, int);                                      \
    va_end(rest);                                                      \
    if ((flags & O_TMPFILE) == O_TMPFILE) return errno = EOPNOTSUPP, -1; \
    int (*real)(const char*, int, ...) = dlsym(RTLD_NEXT, #name);      \
    return real(path, flags, mode);                                    \
  }
WITHOUT(open)
WITHOUT(open64)
"""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def compiler():
    return next((c for c in ("cc", "gcc", "clang") if shutil.which(c)), None)


def sanitized():
    """The library cannot be loaded in front of a sanitizer's."""
    with open(COMMAND, "rb") as program:
        return b"__asan_init" in program.read() or b"__tsan_init" in program.read()


@unittest.skipIf(compiler() is None or sanitized(), "needs a C compiler and a build without sanitizers")
class WithoutUnnamedFiles(CommandTest):
    @classmethod
    def setUpClass(cls):
        cls.build = tempfile.mkdtemp(prefix="compass-test-")
        cls.addClassCleanup(shutil.rmtree, cls.build)
        source, cls.library = os.path.join(cls.build, "without.c"), os.path.join(cls.build, "without.so")
        with open(source, "w") as file:
            file.write(NO_UNNAMED_FILES)
        subprocess.run([compiler(), "-shared", "-fPIC", "-o", cls.library, source, "-ldl"], check=True)

    def setUp(self):
        super().setUp()
        self.put("in.ppm", Picture.smooth(60, 40).ppm())
        self.put("out.cmps", b"before")
        os.mkfifo(self.path("pipe"))
        self.before = sorted(os.listdir(self.directory))

    def start(self, *arguments, ignored=None):
        """The command, with signals at their defaults but one, whatever this process was started with."""
        def prepare():
            for number in SIGNALS:
                signal.signal(number, signal.SIG_IGN if number == ignored else signal.SIG_DFL)

        child = subprocess.Popen([COMMAND, *arguments], cwd=self.directory, stderr=subprocess.PIPE,
                                 stdout=subprocess.DEVNULL, env=self.environment(LD_PRELOAD=self.library),
                                 preexec_fn=prepare)
        self.addCleanup(child.kill)
        return child

    def temporaries(self):
        return [name for name in os.listdir(self.directory) if name.endswith(".tmp")]

    def wait_for_temporary(self, child):
        deadline = time.monotonic() + 60
        while not self.temporaries():
            self.assertIsNone(child.poll(), "ended without a temporary file")
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def interrupted(self, number):
        """Ends an encoding that waits for its picture, which never comes. Its exit status."""
        child = self.start("encode", "pipe", "out.cmps")
        self.addCleanup(child.stderr.close)
        self.wait_for_temporary(child)
        child.send_signal(number)
        return child.wait(60)

    def test_signals_remove_the_temporary_file(self):
        for number in SIGNALS:
            with self.subTest(number):
                self.assertEqual(self.interrupted(number), -number)  # the status tells the signal
                self.assertEqual(sorted(os.listdir(self.directory)), self.before)
                self.assertEqual(self.get("out.cmps"), b"before")

    def test_an_ignored_signal_stays_ignored(self):
        with self.start("encode", "pipe", "out.cmps", ignored=signal.SIGHUP) as child:
            self.wait_for_temporary(child)
            child.send_signal(signal.SIGHUP)
            with open(self.path("pipe"), "wb") as pipe:
                pipe.write(self.get("in.ppm"))
            self.assertEqual(child.wait(60), OK, child.stderr.read())
        self.assertEqual(sorted(os.listdir(self.directory)), self.before)
        self.assertNotEqual(self.get("out.cmps"), b"before")

    def test_files_are_whole_or_not_there(self):
        with self.start("encode", "in.ppm", "out.cmps") as child:
            self.assertEqual(child.wait(60), OK, child.stderr.read())
        self.compass("encode", "in.ppm", "direct.cmps")
        self.assertEqual(self.get("out.cmps"), self.get("direct.cmps"))
        with self.start("encode", "missing.ppm", "out.cmps") as child:
            self.assertEqual(child.wait(60), IO)
        self.assertEqual(self.get("out.cmps"), self.get("direct.cmps"))
        self.assertEqual(self.temporaries(), [])


if __name__ == "__main__":
    main()

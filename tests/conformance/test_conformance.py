"""The suite's files give the same integers and the same pictures under every instruction set.

COMPASS_CONFORMANCE names the program under test; COMPASS_CONFORMANCE_OTHER, if set, another build of it that must
agree with it (scripts/conformance.sh sets it to builds by other compilers).
"""

import os
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.environ["COMPASS_CONFORMANCE"]
OTHER = os.environ.get("COMPASS_CONFORMANCE_OTHER", PROGRAM)
# Folders of files, and the models that they were made with: y rounded, quantised dependently, networks of more channels.
SUITES = {"files": "../data/tiny.safetensors", "trellis_files": "../data/tiny_trellis.safetensors",
          "wide_files": "../data/wide.safetensors"}

# What oneDNN may be restricted to; one that the CPU lacks restricts it less. Empty: all the CPU has.
INSTRUCTIONS = ["SSE41", "AVX", "AVX2", "AVX512_CORE", "AVX512_CORE_VNNI", "AVX512_CORE_BF16", ""]


def run(program, instructions, *arguments, suite="files"):
    environment = {k: v for k, v in os.environ.items() if k != "ONEDNN_MAX_CPU_ISA"}
    if instructions:
        environment["ONEDNN_MAX_CPU_ISA"] = instructions
    model = os.path.join(HERE, SUITES[suite])
    done = subprocess.run([program, model, *arguments], env=environment, capture_output=True, text=True, timeout=1200)
    return done.returncode, done.stdout + done.stderr


class Conformance(unittest.TestCase):
    def check(self, program, instructions, directory, suite="files", how=()):
        code, output = run(program, instructions, "check", directory, *how, suite=suite)
        self.assertEqual(code, 0, output)
        print("\n%s: %s" % (instructions or "all instructions", output.strip()), end=" ", flush=True)
        return output

    def test_the_committed_files_decode_everywhere(self):
        for suite in SUITES:
            for instructions in INSTRUCTIONS:
                with self.subTest(instructions=instructions, suite=suite):
                    # Threads and kernels of our own are swept once: oneDNN's instructions change nothing for them.
                    how = ["2", "best"] if instructions else []
                    output = self.check(PROGRAM, instructions, os.path.join(HERE, suite), suite, how)
                    for kernels in "winograd", "panels":
                        self.assertIn(kernels, output)

    def test_files_encoded_in_one_way_decode_in_the_others(self):
        settings = [("SSE41", "1", "f32", "AVX2"), ("AVX2", "3", "f32", ""), ("AVX512_CORE", "2", "f32", "SSE41"),
                    ("", "2", "f32", "AVX512_CORE"), ("", "1", "bf16", "SSE41"), ("", "2", "exact", "AVX2")]
        for encode, threads, precision, decode in settings:
            for suite in SUITES if precision == "exact" else list(SUITES)[:2]:
                with self.subTest(encode=encode, precision=precision, decode=decode, suite=suite):
                    with tempfile.TemporaryDirectory(prefix="compass-test-") as directory:
                        code, output = run(OTHER, encode, "encode", directory, threads, precision, suite=suite)
                        self.assertEqual(code, 0, output)
                        self.check(PROGRAM, decode, directory, suite, ["2"])

    def test_a_wrong_symbol_or_pixel_is_noticed(self):
        with tempfile.TemporaryDirectory(prefix="compass-test-") as directory:
            self.assertEqual(run(PROGRAM, "", "encode", directory)[0], 0)
            path = os.path.join(directory, "symbols.tsv")
            with open(path) as file:
                text = file.read()
            line = next(l for l in text.splitlines() if l.startswith("odd\t2"))
            last = line[-1]
            with open(path, "w") as file:
                file.write(text.replace(line, line[:-1] + ("0" if last != "0" else "1")))
            code, output = run(PROGRAM, "", "check", directory)
            self.assertEqual(code, 1)
            self.assertIn("other symbols", output)
            with open(path, "w") as file:
                file.write(text)
            path = os.path.join(directory, "pixels.safetensors")
            with open(path, "r+b") as file:
                data = bytearray(file.read())
                data[-1] ^= 0x20  # the high byte of a sample: by 1
                file.seek(0)
                file.write(data)
            code, output = run(PROGRAM, "", "check", directory)
            self.assertEqual(code, 1)
            self.assertIn("pixels are off", output)

    def test_other_exact_pixels_are_noticed(self):
        with tempfile.TemporaryDirectory(prefix="compass-test-") as directory:
            self.assertEqual(run(PROGRAM, "", "encode", directory)[0], 0)
            path = os.path.join(directory, "pixels.tsv")
            with open(path) as file:
                text = file.read()
            line = next(l for l in text.splitlines() if l.startswith("odd\t2"))
            name, layer, md5, floats = line.split("\t")
            for changed in ["\t".join([name, layer, md5[::-1], floats]), "\t".join([name, layer, md5, floats[::-1]]),
                            "# %s" % line]:
                with open(path, "w") as file:
                    file.write(text.replace(line, changed))
                code, output = run(PROGRAM, "", "check", directory, "1")
                self.assertEqual(code, 1)
                self.assertIn("odd, ", output)
                self.assertIn("layer 2, untiled: other exact pixels", output)
                self.assertNotIn("layer 1, untiled: other exact pixels", output)
            self.assertEqual(run(PROGRAM, "", "hash", directory)[0], 0)
            with open(path) as file:
                self.assertEqual(file.read(), text)


if __name__ == "__main__":
    unittest.main()

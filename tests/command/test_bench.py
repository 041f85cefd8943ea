"""The bench command: what it measures is there, and what would take too much memory is refused."""

import json

from harness import BAD_FILE, USAGE, CommandTest, Picture, main


class Bench(CommandTest):
    def test_table_fits_the_terminal(self):
        out = self.lab("bench", "--size", "96x64", "--runs", 1, "--threads", 1).stdout.decode()
        for line in out.splitlines():
            self.assertLessEqual(len(line), 80, line)
        for stage in ("pyramid", "g_a", "h_a", "h_s", "g_s", "LIFF features", "LIFF MLP", "entropy", "glue", "all"):
            self.assertIn("  " + stage, out)

    def test_json_adds_up(self):
        # One thread: the peak of several is measured only while all of them run, and other programs may be busy, too.
        out = self.lab("bench", "--size", "96x64", "--runs", 1, "--layers", 2, "--threads", 1, "--precision", "f32",
                           "--json").stdout
        report = json.loads(out)
        self.assertEqual(report["layers"], [[48, 32], [96, 64]])
        self.assertEqual(report["precision"], "f32")
        self.assertGreater(report["peak_gflops"]["f32"], 0)
        self.assertTrue(report["kernels"])
        self.assertIn("panels", report["convolutions"])
        for way in ("encode", "decode"):
            for name, stage in report[way]["stages"].items():
                if "gflop" in stage:
                    self.assertAlmostEqual(stage["gflops"], stage["gflop"] / stage["ms"] * 1e3, places=6, msg=name)
                    self.assertAlmostEqual(stage["of_peak"] * report["peak_gflops"]["f32"], stage["gflops"], places=6)
            stages = sum(stage["ms"] for stage in report[way]["stages"].values())
            self.assertAlmostEqual(stages, report[way]["seconds"] * 1e3, places=3)
            self.assertGreater(report[way]["peak_bytes"], 0)

    def test_it_says_what_was_timed(self):
        small = ["--size", "48x32", "--runs", 1, "--threads", 1]
        for mode in "exact", "f32":
            report = self.lab_json("bench", *small, "--precision", mode)
            self.assertEqual(report["precision"], mode)
            out = self.lab("bench", *small, "--precision", mode).stdout.decode()
            self.assertIn("networks in %s;" % mode, out)
            self.assertIn("kernels   %s; convolutions: panels" % report["kernels"], out)

    def test_image_and_usage(self):
        self.put("in.ppm", Picture.smooth(40, 30).ppm())
        out = self.lab("bench", "--image", "in.ppm", "--runs", 1, "--json").stdout
        self.assertEqual(json.loads(out)["layers"][-1], [40, 30])
        for options in (["--size", "0x5"], ["--runs", 0], ["--layers", 0], ["--image", "in.ppm", "--size", "5x5"],
                        ["--profile", "none"]):
            with self.subTest(options=options):
                self.lab("bench", *options, code=USAGE)

    def test_too_much_memory_is_refused(self):
        self.put("in.ppm", Picture.smooth(300, 200).ppm())
        self.compass("encode", "in.ppm", "out.cmps", "--max-memory", "1M", code=BAD_FILE)
        self.encode(Picture.smooth(300, 200))
        self.compass("decode", "file.cmps", "out.png", "--max-memory", "1M", code=BAD_FILE)


if __name__ == "__main__":
    main()

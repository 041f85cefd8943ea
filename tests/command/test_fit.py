"""A trellis and loop filters fitted to pictures."""

import unittest

from harness import BAD_FILE, IO, MODEL, MODEL_OTHER, USAGE, CommandTest, Picture, main


class Fit(CommandTest):
    def pictures(self, count):
        names = ["p%02d.ppm" % i for i in range(count)]
        for i, name in enumerate(names):
            self.put(name, Picture.smooth(96 + i, 64 + 2 * i, seed=i).ppm())
        return names

    def psnr(self, *arguments):
        report = self.json("encode", "other.ppm", "other.cmps", "--psnr", *arguments)
        return [layer["psnr"] for layer in report["layers"]]

    def test_a_fitted_model_is_a_model_and_better(self):
        found = self.lab_json("fit", MODEL, "fitted.safetensors", *self.pictures(12), "--directions", 2)
        self.assertEqual(found["bytes"], len(self.get("fitted.safetensors")))
        self.put("other.ppm", Picture.smooth(131, 77, seed=99).ppm())
        for effort in 0, 2:  # the model's own filter, and with coefficients
            before = self.psnr("--effort", effort)
            after = self.psnr("--effort", effort, "--model", "fitted.safetensors")
            for k in range(3):
                self.assertGreater(after[k], before[k] + 0.1, "effort %d, layer %d" % (effort, k))
        self.compass("decode", "other.cmps", "back.ppm", "--model", "fitted.safetensors")
        self.assertEqual(Picture.from_ppm(self.get("back.ppm")).size, (131, 77))
        self.compass("decode", "other.cmps", "back.ppm", code=MODEL_OTHER)

    def test_no_directions_are_a_filter_too(self):
        self.lab("fit", MODEL, "fitted.safetensors", *self.pictures(9), "--directions", 0)
        self.put("other.ppm", Picture.smooth(40, 31).ppm())
        self.psnr("--model", "fitted.safetensors")

    def test_only_the_base_filter(self):
        self.lab("fit", MODEL, "fitted.safetensors", *self.pictures(9), "--directions", 0, "--base-filter-only")
        head = self.get("fitted.safetensors")
        self.assertIn(b"base.filter", head)
        self.assertNotIn(b"enhancement.filter", head)
        self.put("other.ppm", Picture.smooth(40, 31).ppm())
        self.psnr("--model", "fitted.safetensors")
        self.lab("fit", MODEL, "f.safetensors", *self.pictures(9), "--directions", 0, "--base-filter-only",
                 "--keep-filters", code=USAGE)

    def test_a_trellis_is_fitted(self):
        for options in ("--directions", 2, "--step", 0.6785), ("--keep-filters", "--coarser-below", "60,30.5", "--step", 0.5):
            found = self.lab_json("fit", MODEL, "fitted.safetensors", *self.pictures(32), "--rounds", 2, *options)
            self.assertEqual(found["bytes"], len(self.get("fitted.safetensors")))
            self.put("other.ppm", Picture.smooth(131, 77, seed=99).ppm())
            for effort, quality in (0, 20), (0, 80), (2, 45), (3, 100):
                self.json("encode", "other.ppm", "other.cmps", "--effort", effort, "-q", quality, "--model",
                          "fitted.safetensors")
                self.compass("decode", "other.cmps", "back.ppm", "--model", "fitted.safetensors")
                self.assertEqual(Picture.from_ppm(self.get("back.ppm")).size, (131, 77))
            self.compass("decode", "other.cmps", "back.ppm", code=MODEL_OTHER)
            # Fitted once more, it has another trellis.
            self.lab("fit", "fitted.safetensors", "again.safetensors", *self.pictures(32), "--rounds", 1,
                     "--keep-filters", "--step", 0.9)
            self.assertNotEqual(self.get("again.safetensors"), self.get("fitted.safetensors"))

    def test_what_cannot_be_fitted(self):
        names = self.pictures(10)
        for wrong in ("--step", -1), ("--step", 0.001), ("--coarser-below", "20,30"), ("--coarser-below", 101):
            self.lab("fit", MODEL, "f.safetensors", *names, "--directions", 2, *wrong, code=USAGE)
        done = self.lab("fit", MODEL, "f.safetensors", *names, "--directions", 3, code=USAGE)
        self.assertIn(b"give 11 or more", done.stderr)
        many = [names[0]] * 74  # ten of them would be held back
        done = self.lab("fit", MODEL, "f.safetensors", *many, "--directions", 64, code=USAGE)
        self.assertIn(b"give 75 or more", done.stderr)
        self.lab("fit", MODEL, "f.safetensors", *names, "--directions", 65, code=USAGE)
        self.lab("fit", names[0], "f.safetensors", *names, "--directions", 2, code=MODEL_OTHER)
        self.lab("fit", MODEL, "f.safetensors", "missing.ppm", *names, "--directions", 2, code=IO)
        self.put("broken.ppm", b"P6 100 100 255\n")
        self.lab("fit", MODEL, "f.safetensors", "broken.ppm", *names, "--directions", 2, code=BAD_FILE)


if __name__ == "__main__":
    main()

"""Models with rates above those that they were trained for."""

import os
import unittest

from harness import IO, MODEL, MODEL_OTHER, USAGE, CommandTest, Picture, main

TRELLIS = os.path.join(os.path.dirname(MODEL), "tiny_trellis.safetensors")


class Extend(CommandTest):
    def setUp(self):
        super().setUp()
        self.put("in.ppm", Picture.smooth(131, 77).ppm())

    def coded(self, model, quality):
        """What a picture becomes: streams of the layers, without the header, and their PSNR."""
        report = self.json("encode", "in.ppm", "file.cmps", "--psnr", "--model", model, "-q", quality)
        layers = report["layers"]
        return [layer["bytes"] for layer in layers], [layer["psnr"] for layer in layers]

    def test_rates_that_it_had_stay_and_higher_ones_take_more(self):
        for model in MODEL, TRELLIS:  # of rates 0.0018, 0.0067, 0.025
            with self.subTest(model):
                said = self.lab_json("extend", model, "more.safetensors", 0.1, 0.4)
                self.assertEqual(said["rates"], [0.0018, 0.0067, 0.025, 0.1, 0.4])
                self.assertEqual(said["bytes"], len(self.get("more.safetensors")))
                for old, new in (0, 0), (30, 15), (100, 50):
                    self.assertEqual(self.coded("more.safetensors", new), self.coded(model, old), (old, new))
                self.assertGreater(sum(self.coded("more.safetensors", 100)[0]), sum(self.coded(model, 100)[0]))
                self.compass("encode", "in.ppm", "file.cmps", "--model", "more.safetensors", "-q", 90)
                self.compass("decode", "file.cmps", "back.ppm", "--model", "more.safetensors")
                self.assertEqual(Picture.from_ppm(self.get("back.ppm")).size, (131, 77))
                self.compass("decode", "file.cmps", "back.ppm", "--model", model, code=MODEL_OTHER)

    def test_step_by_step_is_the_same(self):
        self.lab("extend", MODEL, "one.safetensors", 0.1)
        self.lab("extend", "one.safetensors", "two.safetensors", 0.4)
        self.lab("extend", MODEL, "both.safetensors", 0.1, 0.4)
        self.assertEqual(self.coded("two.safetensors", 80), self.coded("both.safetensors", 80))

    def test_what_cannot_be_extended(self):
        many = [0.1 + 0.01 * i for i in range(62)]  # 65 with the three there are
        for rates in ["0.001"], ["0.025"], ["0.2", "0.1"], ["nan"], ["0.1", "inf"], ["2e6"], many:
            done = self.lab("extend", MODEL, "x.safetensors", *rates, code=USAGE)
            self.assertIn(b"RATE", done.stderr)
        self.lab("extend", MODEL, "x.safetensors", code=USAGE)
        self.lab("extend", "in.ppm", "x.safetensors", 0.1, code=MODEL_OTHER)
        self.lab("strip", MODEL, "base.safetensors", "--base-only")
        done = self.lab("extend", "base.safetensors", "x.safetensors", 0.1, code=MODEL_OTHER)
        self.assertIn(b"whole model", done.stderr)
        self.lab("extend", MODEL, "/dev/full", 0.1, code=IO)
        self.put("model.safetensors", open(MODEL, "rb").read())
        self.lab("extend", "model.safetensors", "model.safetensors", 0.1, code=USAGE)
        self.assertFalse(os.path.exists(self.path("x.safetensors")))


if __name__ == "__main__":
    main()

"""Every rate: -q 0..100 on the model that is shipped, and which of the shipped models a quality takes."""

import os

from harness import MODEL, MODEL_OTHER, USAGE, CommandTest, Picture, main

SHIPPED = os.path.join(os.path.dirname(__file__), "../../models/lite.safetensors")


class Quality(CommandTest):
    def test_bytes_and_quality_rise_with_q(self):
        env = self.environment(COMPASS_MODEL_PATH=SHIPPED)
        self.put("in.ppm", Picture.smooth(160, 128).ppm())
        sizes, quality = [], []
        for q in (0, 25, 50, 75, 100):
            report = self.json("encode", "in.ppm", "out.cmps", "--quality", q, "--psnr", "--precision", "f32", env=env)
            sizes.append(os.path.getsize(self.path("out.cmps")))
            quality.append(report["layers"][-1]["psnr"])
        self.assertEqual(sizes, sorted(set(sizes)), "bytes must rise")
        self.assertEqual(quality, sorted(set(quality)), "quality must rise")

    # What it gives depends on the model and the picture: bench/search_gain.cc.
    def test_effort_is_spent(self):
        self.put("in.ppm", Picture.smooth(200, 150).ppm())
        files = set()
        for effort in (0, 1, 8):
            report = self.json("encode", "in.ppm", "out.cmps", "--effort", effort)
            self.assertEqual(report["effort"], effort)
            files.add(self.get("out.cmps"))
            self.assertEqual(self.decode(name="out.cmps").size, (200, 150))
        self.assertEqual(len(files), 3)
        for effort in (-1, 41):
            self.compass("encode", "in.ppm", "out.cmps", "--effort", effort, code=USAGE)


class ModelsByQuality(CommandTest):
    """lite, and lite-hq for high qualities: here two small models by these names."""

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("models"))
        trellis = os.path.join(os.path.dirname(MODEL), "tiny_trellis.safetensors")
        for name, model in (("lite", MODEL), ("lite-hq", trellis)):
            with open(model, "rb") as file:
                self.put("models/%s.safetensors" % name, file.read())
        self.env = self.environment(COMPASS_MODEL_PATH=self.path("models"))
        self.put("in.ppm", Picture.smooth(96, 64).ppm())
        self.low, self.high = (self.model("--model", name) for name in ("lite", "lite-hq"))

    def report(self, *options):
        return self.json("encode", "in.ppm", "out.cmps", "--effort", 0, "--psnr", *options, env=self.env)

    def model(self, *options):
        return self.report(*options)["model"]["id"]

    def test_the_largest_layer_decides(self):
        self.assertNotEqual(self.low, self.high)
        for quality, model in (("62.4", self.low), ("62.5", self.high), ("100", self.high), ("20,30,80", self.high),
                               ("80,90,50", self.low)):
            self.assertEqual(self.model("-q", quality), model, quality)
        self.json("decode", "out.cmps", "out.ppm", env=self.env)
        self.assertEqual(self.model("-q", 80, "--model", "lite"), self.low)
        os.remove(self.path("models/lite-hq.safetensors"))
        self.assertEqual(self.model("-q", 80), self.low)

    def test_what_a_target_takes_decides(self):
        at = {q: self.report("-q", q, "--model", "lite") for q in (30, 80)}
        for q, model in ((30, self.low), (80, self.high)):
            self.assertEqual(self.model("--target-psnr", at[q]["layers"][-1]["psnr"]), model)
            self.assertEqual(self.model("--target-size", at[q]["bytes"]), model)
            self.assertEqual(self.model("--target-size", at[q]["bytes"], "--model", "lite"), self.low)
        for option, value in (("--target-psnr", 99), ("--target-size", 1)):
            done = self.compass("encode", "in.ppm", "out.cmps", option, value, code=USAGE, env=self.env)
            self.assertIn(b"cannot be had", done.stderr)

    def test_high_quality_reaches_what_lite_does_not(self):
        with open(SHIPPED, "rb") as file:  # a trained model beside one that is not
            self.put("models/lite-hq.safetensors", file.read())
        best = self.report("-q", 100)
        report = self.report("--target-psnr", best["layers"][-1]["psnr"] - 0.01)
        self.assertEqual(report["model"], best["model"])

    def test_a_file_grows_with_its_own_model(self):
        self.report("-q", 30)
        self.put("larger.ppm", Picture.smooth(120, 100).ppm())
        for options in (["-q", 90], ["--target-psnr", 1]):
            grown = self.json("encode", "--append", "out.cmps", "larger.ppm", "grown.cmps", *options, env=self.env)
            self.assertEqual(grown["model"]["id"], self.low)

    def test_what_lite_could_is_not_lost(self):
        at = self.report("-q", 80, "--model", "lite")["bytes"]
        self.put("models/lite-hq.safetensors", b"damaged")
        self.assertEqual(self.model("--target-size", at), self.low)
        self.assertEqual(self.model("-q", 30), self.low)
        self.compass("encode", "in.ppm", "out.cmps", "-q", 80, code=MODEL_OTHER, env=self.env)

    def test_a_model_file_is_taken_for_all_qualities(self):
        self.env["COMPASS_MODEL_PATH"] = MODEL + ":" + self.path("models")
        self.assertEqual(self.model("-q", 80), self.low)


class Tune(CommandTest):
    def half_busy(self):
        """Calm on the left, busy on the right."""
        calm, busy = Picture.smooth(128, 128), Picture.smooth(128, 128, seed=9)
        rows = bytearray()
        for y in range(128):
            rows += bytes([120]) * 3 * 64
            at = 3 * (y * 128 + 64)
            rows += bytes((a * 37 + b * 11) % 256 for a, b in zip(calm.rgb[at:at + 192], busy.rgb[at:at + 192]))
        return Picture(128, 128, rows)

    def test_visual_moves_bits(self):
        picture = self.half_busy()
        self.encode(picture, "--layers", 1, name="plain.cmps")
        self.encode(picture, "--layers", 1, "--tune", "visual", name="tuned.cmps")
        self.assertNotEqual(self.get("plain.cmps"), self.get("tuned.cmps"))
        self.assertEqual(self.decode(name="tuned.cmps").size, (128, 128))

    def test_visual_goes_with_all_else(self):
        picture = self.half_busy()
        self.encode(picture, "--tune", "visual", "--roi", "0,0,64,64:+10", "--effort", 1, "-q", "20,30,40")
        self.encode(picture, "--tune", "visual", "--target-size", "3k", "--layers", 2)
        self.encode(Picture.smooth(64, 64), "--tune", "visual", name="grow.cmps")
        self.put("larger.ppm", picture.ppm())
        self.json("encode", "--append", "grow.cmps", "larger.ppm", "--tune", "visual")
        self.assertEqual(self.decode(name="grow.cmps").size, (128, 128))
        self.encode(Picture.smooth(1, 1), "--tune", "visual")

    def test_psnr_is_the_default(self):
        picture = self.half_busy()
        self.encode(picture, name="default.cmps")
        self.encode(picture, "--tune", "psnr", name="named.cmps")
        self.assertEqual(self.get("default.cmps"), self.get("named.cmps"))

    def test_wrong_usage(self):
        self.put("in.ppm", Picture.smooth(8, 8).ppm())
        self.compass("encode", "in.ppm", "out.cmps", "--tune", "taste", code=USAGE)
        self.compass("encode", "in.ppm", "out.cmps", "--tune", "", code=USAGE)


if __name__ == "__main__":
    main()

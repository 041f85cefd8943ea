"""One model, every rate: -q 0..100 on the model that is shipped."""

import os

from harness import USAGE, CommandTest, Picture, main

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

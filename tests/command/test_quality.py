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


if __name__ == "__main__":
    main()

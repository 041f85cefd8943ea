"""One model, every rate: -q 0..100 on the model that is shipped."""

import os

from harness import CommandTest, Picture, main

SHIPPED = os.path.join(os.path.dirname(__file__), "../../models/lite.safetensors")


class Quality(CommandTest):
    def test_bytes_and_quality_rise_with_q(self):
        picture = Picture.smooth(160, 128)
        env = self.environment(COMPASS_MODEL_PATH=SHIPPED)
        self.put("in.ppm", picture.ppm())
        sizes, quality = [], []
        for q in (0, 12.5, 25, 37.5, 50, 62.5, 75, 87.5, 100):
            report = self.json("encode", "in.ppm", "out.cmps", "--quality", q, "--psnr", env=env)
            sizes.append(os.path.getsize(self.path("out.cmps")))
            quality.append(report["layers"][-1]["psnr"])
        self.assertEqual(sizes, sorted(set(sizes)), "bytes must rise")
        self.assertGreater(sizes[-1], 2 * sizes[0])
        # Noise decides a few hundredths; a step of the whole range may not go down.
        for low, high in zip(quality, quality[2:]):
            self.assertLess(low, high)


if __name__ == "__main__":
    main()

"""One model, every rate: -q 0..100 on the model that is shipped."""

import os

from harness import USAGE, CommandTest, Picture, main

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

    def test_effort_pays(self):
        self.put("in.ppm", Picture.smooth(200, 150).ppm())
        env = self.environment(COMPASS_MODEL_PATH=SHIPPED)

        def cost(effort):
            report = self.json("encode", "in.ppm", "out.cmps", "--effort", effort, "--psnr", env=env)
            self.assertEqual(report["effort"], effort)
            return os.path.getsize(self.path("out.cmps")), report["layers"][-1]["psnr"]

        plain, plain_psnr = cost(0)
        searched, searched_psnr = cost(8)
        # A decibel is worth about a quarter of the bytes.
        self.assertLess(searched * 1.25 ** (plain_psnr - searched_psnr), plain)
        for effort in (-1, 41):
            self.compass("encode", "in.ppm", "out.cmps", "--effort", effort, code=USAGE, env=env)


if __name__ == "__main__":
    main()

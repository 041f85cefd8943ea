"""Files that grow (--append), and files that are made to a size or a quality (--target-...)."""

import os

from harness import BAD_FILE, DAMAGED, MODEL_OTHER, USAGE, CommandTest, Picture, main

SHIPPED = os.path.join(os.path.dirname(__file__), "../../models/lite.safetensors")


class Append(CommandTest):
    def setUp(self):
        super().setUp()
        self.put("small.ppm", Picture.smooth(40, 30).ppm())
        self.put("large.ppm", Picture.smooth(83, 61).ppm())
        self.compass("encode", "small.ppm", "photo.cmps", "--layers", 2)

    def test_adds_a_layer_and_keeps_what_is_there(self):
        before = self.get("photo.cmps")
        layers = [self.decode("--layer", k, name="photo.cmps").rgb for k in range(2)]
        report = self.json("encode", "--append", "photo.cmps", "large.ppm", "-q", 70)
        self.assertEqual(report["output"], "photo.cmps")
        self.assertEqual([layer["width"] for layer in report["layers"]], [20, 40, 83])
        self.assertEqual(report["quality"], [50, 50, 70])
        self.assertEqual(report["layers"][-1]["total_bytes"], os.path.getsize(self.path("photo.cmps")))
        self.compass("extract", "photo.cmps", "first.cmps", "--layers", 2)
        self.assertEqual(self.get("first.cmps"), before)
        self.assertEqual([self.decode("--layer", k, name="photo.cmps").rgb for k in range(2)], layers)
        self.assertEqual(self.decode(name="photo.cmps").size, (83, 61))

    def test_writes_another_file_if_told(self):
        before = self.get("photo.cmps")
        self.compass("encode", "--append", "photo.cmps", "large.ppm", "grown.cmps", "--effort", 0)
        self.assertEqual(self.get("photo.cmps"), before)
        self.compass("encode", "--append", "photo.cmps", "large.ppm", "--effort", 0)
        self.assertEqual(self.get("photo.cmps"), self.get("grown.cmps"))

    def test_leaves_the_file_alone_if_it_cannot(self):
        before = self.get("photo.cmps")
        self.put("tiny.ppm", Picture.smooth(39, 90).ppm())
        error = self.compass("encode", "--append", "photo.cmps", "tiny.ppm", code=USAGE).stderr
        self.assertIn(b"photo.cmps", error)
        self.compass("encode", "--append", "photo.cmps", "missing.ppm", code=6)
        self.compass("encode", "--append", "photo.cmps", "large.ppm", "--model", SHIPPED, code=MODEL_OTHER)
        for option in (("--layers", 2), ("--scales", "0.5,1"), ("--sizes", "83x61"), ("-q", "40,60"),
                       ("--target-size", "20x20@1k,83x61@40k")):
            self.compass("encode", "--append", "photo.cmps", "large.ppm", *option, code=USAGE)
        self.assertEqual(self.get("photo.cmps"), before)
        damaged = bytearray(before)
        damaged[-1] ^= 1
        for data, code in ((bytes(damaged), DAMAGED), (before[:-1], DAMAGED), (before[:5], BAD_FILE), (b"", BAD_FILE)):
            self.put("bad.cmps", data)
            self.compass("encode", "--append", "bad.cmps", "large.ppm", code=code)
            self.assertEqual(self.get("bad.cmps"), data)
        self.assertEqual(sorted(os.listdir(self.directory)),
                         ["bad.cmps", "large.ppm", "photo.cmps", "small.ppm", "tiny.ppm"])

    def test_out_is_needed_otherwise(self):
        self.assertIn(b"OUT", self.compass("encode", "small.ppm", code=USAGE).stderr)


class Targets(CommandTest):
    def setUp(self):
        super().setUp()
        self.env = self.environment(COMPASS_MODEL_PATH=SHIPPED)
        self.put("in.ppm", Picture.smooth(192, 160).ppm())

    def encode_to(self, *options):
        report = self.json("encode", "in.ppm", "out.cmps", "--effort", 0, *options, env=self.env)
        self.assertEqual(report["bytes"], os.path.getsize(self.path("out.cmps")))
        return report

    def usual(self, quality):
        return self.encode_to("-q", quality)["bytes"]

    def test_a_size(self):
        target = (self.usual(30) + self.usual(70)) // 2
        report = self.encode_to("--target-size", target)
        self.assertLessEqual(report["bytes"], target)
        self.assertGreaterEqual(report["bytes"], 0.98 * target)
        self.assertEqual(self.usual(report["quality"]), report["bytes"])
        bpp = 8 * target / (192 * 160)
        self.assertEqual(self.encode_to("--target-bpp", bpp)["bytes"], report["bytes"])

    def test_a_psnr(self):
        psnr = self.encode_to("-q", 40, "--psnr")["layers"][-1]["psnr"]
        found = self.encode_to("--target-psnr", psnr, "--psnr")
        self.assertGreaterEqual(found["layers"][-1]["psnr"], psnr)
        self.assertLessEqual(found["layers"][-1]["psnr"], psnr + 0.05)

    def test_one_for_each_layer(self):
        usual = [layer["total_bytes"] for layer in self.encode_to("--sizes", "96x80,192x160")["layers"]]
        small, large = int(1.2 * usual[0]), int(1.1 * usual[1])
        report = self.encode_to("--target-size", f"96x80@{small},192x160@{large}")
        self.assertEqual(len(report["quality"]), 2)
        self.assertLessEqual(report["bytes"], large)
        self.assertGreaterEqual(report["bytes"], 0.98 * large)
        self.assertLessEqual(report["layers"][0]["total_bytes"], small)
        self.assertGreaterEqual(report["layers"][0]["total_bytes"], 0.97 * small)

    def test_what_cannot_be(self):
        for option in (("--target-size", 10), ("--target-size", "0"), ("--target-size", "x"), ("--target-psnr", 99),
                       ("--target-size", "10k,20k"), ("--target-size", "96x80@10k,20k"), ("--target-size", "96x80@10k"),
                       ("--target-bpp", "-1"), ("--target-bpp", "1", "--target-psnr", "30")):
            self.compass("encode", "in.ppm", "no.cmps", *option, code=USAGE, env=self.env)
        self.assertFalse(os.path.exists(self.path("no.cmps")))


if __name__ == "__main__":
    main()

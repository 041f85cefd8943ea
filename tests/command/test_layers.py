"""Layers, sizes and regions: what goes in comes out at every size that was asked for."""

from harness import IO, USAGE, CommandTest, Picture, main


class Layers(CommandTest):
    def sizes(self, report):
        return [(layer["width"], layer["height"]) for layer in report["layers"]]

    def test_default_is_three_layers_by_halves(self):
        report = self.encode(Picture.smooth(96, 64))
        self.assertEqual(self.sizes(report), [(24, 16), (48, 32), (96, 64)])
        for k, size in enumerate(self.sizes(report)):
            self.assertEqual(self.decode("--layer", k).size, size)
        self.assertEqual(self.decode().size, (96, 64))

    def test_every_size_and_ratio(self):
        cases = [((1, 1), "--layers", "1"), ((1, 1), "--layers", "3"), ((1, 1), "--layers", "9"),
                 ((1, 40), "--layers", "2"), ((40, 1), "--layers", "2"), ((2, 3), "--scales", "0.5,1"),
                 ((37, 23), "--layers", "3"), ((65, 63), "--scales", "0.3,0.5,1"), ((64, 64), "--scales", "1,1,1"),
                 ((60, 48), "--scales", "1/1.2,1"), ((63, 49), "--scales", "1/1.5,1"),
                 ((70, 45), "--scales", "1/2.8,1"), ((97, 61), "--scales", "1/6,1"),
                 ((50, 40), "--sizes", "10x39,50x40"), ((50, 40), "--sizes", "50x1,50x40"),
                 ((90, 90), "--layers", "9")]
        for size, option, value in cases:
            with self.subTest(size=size, option=option, value=value):
                report = self.encode(Picture.smooth(*size), option, value)
                self.assertEqual(self.sizes(report)[-1], size)
                for layer in report["layers"]:
                    out = self.decode("--layer", layer["layer"])
                    self.assertEqual(out.size, (layer["width"], layer["height"]))

    def test_scales_are_truncated_sizes(self):
        report = self.encode(Picture.smooth(101, 67), "--scales", "0.25,0.5,1")
        self.assertEqual(self.sizes(report), [(25, 16), (50, 33), (101, 67)])

    def test_encoder_and_decoder_agree_on_the_picture(self):
        picture = Picture.smooth(75, 53)
        report = self.encode(picture, "--psnr")
        decoded = self.decode()
        self.assertAlmostEqual(decoded.psnr(picture), report["layers"][-1]["psnr"], places=6)

    def test_reported_bytes_are_the_file(self):
        report = self.encode(Picture.smooth(75, 53))
        size = len(self.get("file.cmps"))
        self.assertEqual(report["bytes"], size)
        self.assertEqual(report["layers"][-1]["total_bytes"], size)
        for layer in report["layers"]:
            self.assertAlmostEqual(layer["bpp"], layer["total_bytes"] * 8 / (layer["width"] * layer["height"]))
        overhead = size - sum(layer["bytes"] for layer in report["layers"])
        self.assertLessEqual(overhead, 48)

    def test_threads_and_precision_decode_the_same_file(self):
        self.encode(Picture.smooth(130, 70))
        one = self.decode("--precision", "f32", "--threads", 1)
        self.assertEqual(self.decode("--precision", "f32", "--threads", 3).rgb, one.rgb)
        self.assertGreater(self.decode("--precision", "bf16").psnr(one), 25)

    def test_memory_cap_does_not_change_the_picture(self):
        self.encode(Picture.smooth(300, 200))
        free = self.decode("--precision", "f32")
        capped = self.decode("--precision", "f32", "--max-memory", "64M")
        self.assertGreater(capped.psnr(free), 50)

    def test_size_gives_exactly_that_size(self):
        self.encode(Picture.smooth(96, 64))
        for size in ((1, 1), (24, 16), (20, 16), (33, 20), (48, 32), (96, 64), (10, 64), (97, 64), (131, 103)):
            with self.subTest(size=size):
                self.assertEqual(self.decode("--size", "%dx%d" % size).size, size)
        # A layer's own size is that layer.
        self.assertEqual(self.decode("--size", "48x32").rgb, self.decode("--layer", 1).rgb)

    def test_region_is_the_crop(self):
        self.encode(Picture.smooth(150, 110))
        for layer, whole in ((k, self.decode("--layer", k, "--precision", "f32")) for k in range(3)):
            w, h = whole.size
            for x, y, rw, rh in ((0, 0, w, h), (0, 0, 1, 1), (w - 1, h - 1, 1, 1), (w // 3, h // 4, w // 2, h // 3)):
                with self.subTest(layer=layer, region=(x, y, rw, rh)):
                    part = self.decode("--layer", layer, "--region", "%d,%d,%d,%d" % (x, y, rw, rh),
                                       "--precision", "f32")
                    self.assertGreater(part.psnr(whole.crop(x, y, rw, rh)), 50)

    def test_wrong_requests_are_usage_errors(self):
        self.encode(Picture.smooth(60, 40))
        for options in (["--layer", 3], ["--layer", -1], ["--layer", "x"], ["--size", "0x5"], ["--size", "5"],
                        ["--region", "0,0,61,40"], ["--region", "-1,0,5,5"], ["--region", "59,0,2,1"],
                        ["--region", "1,2,3"], ["--layer", 0, "--size", "5x5"], ["--size", "5x5", "--region", "0,0,1,1"],
                        ["--precision", "f64"], ["--threads", -1], ["--max-memory", "much"], ["--no-such-option"]):
            with self.subTest(options=options):
                self.compass("decode", "file.cmps", "out.png", *options, code=USAGE)
        for options in (["--layers", 0], ["--layers", 1000], ["--scales", "0.5"], ["--scales", "0.5,0.25,1"],
                        ["--scales", "0,1"], ["--scales", "a,1"], ["--sizes", "60x41"], ["--sizes", "61x40,60x40"],
                        ["--sizes", "10x50,60x40"], ["-q", 101], ["-q", -1], ["-q", "nan"],
                        ["--layers", 2, "--scales", "0.5,1"]):
            with self.subTest(options=options):
                self.compass("encode", "in.ppm", "no.cmps", *options, code=USAGE)
        self.compass("decode", "file.cmps", "out.docx", code=USAGE)
        self.compass(code=USAGE)
        self.compass("frobnicate", code=USAGE)
        self.compass("encode", "in.ppm", code=USAGE)

    def test_quality_is_accepted_over_its_range(self):
        for quality in ("0", "37.5", "100"):
            report = self.encode(Picture.smooth(64, 64), "-q", quality)
            self.assertEqual(report["quality"], float(quality))
            self.assertEqual(self.decode().size, (64, 64))


    def test_layers_may_differ_in_quality(self):
        picture = Picture.smooth(200, 140)
        low = self.encode(picture, "-q", "20")["layers"]
        report = self.encode(picture, "-q", "20,20,90")
        self.assertEqual(report["quality"], [20, 20, 90])
        self.assertEqual([l["bytes"] for l in report["layers"][:2]], [l["bytes"] for l in low[:2]])
        self.assertGreater(report["layers"][2]["bytes"], low[2]["bytes"])
        self.assertEqual([l["quality"] for l in self.json("info", "file.cmps")["layers"]], [20, 20, 90])
        self.assertEqual(self.decode().size, (200, 140))
        # A layer may repeat the size below, to refine it.
        self.encode(picture, "--sizes", "200x140,200x140", "-q", "20,90")
        self.assertNotEqual(self.decode().rgb, self.decode("--layer", 0).rgb)
        for bad in ("20,30", "20,30,40,50", "20,,30", "20,101,30", "1e400", "x"):
            self.assertIn("--quality", self.compass("encode", "in.ppm", "o", "-q", bad, code=USAGE).stderr.decode())

    def test_a_part_of_the_picture_may_be_better(self):
        picture = Picture.smooth(320, 256)
        region = (64, 64, 128, 128)
        plain = self.encode(picture, "-q", "20", "--layers", "1", "--effort", "0")
        before = self.decode()
        report = self.encode(picture, "-q", "20", "--layers", "1", "--effort", "0", "--roi", "64,64,128,128:+100")
        self.assertNotEqual(report["bytes"], plain["bytes"])
        by_region, after = self.get("file.cmps"), self.decode()
        self.assertNotEqual(after.crop(*region).rgb, before.crop(*region).rgb)
        # The same by a mask: white is +100, mid-grey none.
        mask = bytearray(b"\x80" * (320 * 256 * 3))
        for y in range(64, 192):
            mask[3 * (320 * y + 64):3 * (320 * y + 192)] = b"\xff" * (3 * 128)
        self.put("mask.ppm", Picture(320, 256, bytes(mask)).ppm())
        self.encode(picture, "-q", "20", "--layers", "1", "--effort", "0", "--quality-map", "mask.ppm")
        self.assertEqual(self.get("file.cmps"), by_region)
        # Prefixes and extraction carry the maps along.
        self.encode(picture, "--roi", "0,0,64,64:+50", "--roi", "64,0,256,256:-30")
        self.compass("extract", "file.cmps", "part.cmps", "--layers", 2)
        self.assertEqual(self.decode(name="part.cmps").rgb, self.decode("--layer", 1).rgb)
        for bad in ("1,2,3,4", "1,2,3,4:101", "1,2,3,4:+", "1,2,3:5", "300,0,30,30:+9", "0,0,0,5:+9", "0,0,5,5:1.5"):
            self.assertIn("--roi", self.compass("encode", "in.ppm", "o", "--roi", bad, code=USAGE).stderr.decode())
        self.compass("encode", "in.ppm", "o", "--roi", "0,0,9,9:+9", "--quality-map", "mask.ppm", code=USAGE)
        self.compass("encode", "in.ppm", "mask.ppm", "--quality-map", "mask.ppm", code=USAGE)
        self.compass("encode", "in.ppm", "o", "--quality-map", "nothing.png", code=IO)


class Extract(CommandTest):
    def test_keeps_layers_byte_for_byte(self):
        self.encode(Picture.smooth(120, 80))
        layers = self.json("info", "file.cmps")["layers"]
        for keep in (1, 2, 3):
            with self.subTest(keep=keep):
                self.compass("extract", "file.cmps", "part.cmps", "--layers", keep)
                part = self.json("info", "part.cmps")
                self.assertEqual([(l["width"], l["height"], l["bytes"]) for l in part["layers"]],
                                 [(l["width"], l["height"], l["bytes"]) for l in layers[:keep]])
                self.assertEqual(self.decode(name="part.cmps").rgb, self.decode("--layer", keep - 1).rgb)
                streams = sum(l["bytes"] for l in layers[:keep])
                whole, cut = self.get("file.cmps"), self.get("part.cmps")
                end = layers[keep - 1]["end"]
                self.assertEqual(cut[-streams:], whole[end - streams:end])
        self.assertEqual(self.get("part.cmps"), self.get("file.cmps"))  # all of them: the same file

    def test_through_pipes(self):
        self.encode(Picture.smooth(64, 48))
        piped = self.compass("extract", "-", "-", "--layers", 2, stdin=self.get("file.cmps")).stdout
        self.compass("extract", "file.cmps", "part.cmps", "--layers", 2)
        self.assertEqual(piped, self.get("part.cmps"))

    def test_more_layers_than_there_are(self):
        self.encode(Picture.smooth(64, 48))
        for keep in (0, 4, -1):
            self.compass("extract", "file.cmps", "part.cmps", "--layers", keep, code=USAGE)
        self.compass("extract", "file.cmps", "part.cmps", code=USAGE)


if __name__ == "__main__":
    main()

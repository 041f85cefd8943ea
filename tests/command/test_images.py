"""What encode makes of pictures that are not plain 8-bit RGB."""

from harness import BAD_FILE, IO, OK, CommandTest, Picture, main, tiff


class Images(CommandTest):
    def encoded_size(self, *arguments, **options):
        layers = self.json("encode", *arguments, "file.cmps", "--layers", 1, **options)["layers"]
        return layers[-1]["width"], layers[-1]["height"]

    def notes(self, name):
        return self.json("encode", name, "file.cmps", "--layers", 1)["notes"]

    def test_orientation_is_applied_once(self):
        picture = Picture.smooth(40, 24)
        self.put("plain.tif", tiff(40, 24, picture.rgb))
        self.put("turned.tif", tiff(40, 24, picture.rgb, orientation=6))
        self.assertEqual(self.encoded_size("plain.tif"), (40, 24))
        self.assertEqual(self.encoded_size("turned.tif"), (24, 40))
        # Decoding turns nothing again.
        self.compass("encode", "turned.tif", "file.cmps")
        self.assertEqual(self.decode().size, (24, 40))

    def test_turned_pixels_are_the_same_pixels(self):
        upright = Picture.smooth(40, 24)
        turned = [c for x in range(40) for y in reversed(range(24))
                  for c in upright.rgb[3 * (y * 40 + x):][:3]]  # a quarter turn clockwise: 24 x 40
        self.put("upright.ppm", upright.ppm())
        self.put("turned.tif", tiff(24, 40, turned, orientation=8))  # and the tag that undoes it
        self.compass("encode", "upright.ppm", "a.cmps")
        self.compass("encode", "turned.tif", "b.cmps")
        self.assertEqual(self.get("a.cmps"), self.get("b.cmps"))

    def test_grey_becomes_rgb(self):
        grey = bytes((3 * x + 5 * y) % 256 for y in range(20) for x in range(30))
        self.put("grey.pgm", b"P5 30 20 255\n" + grey)
        self.put("rgb.ppm", b"P6 30 20 255\n" + bytes(v for v in grey for _ in range(3)))
        self.compass("encode", "grey.pgm", "a.cmps", "--strict")
        self.compass("encode", "rgb.ppm", "b.cmps", "--strict")
        self.assertEqual(self.get("a.cmps"), self.get("b.cmps"))

    def test_sixteen_bits_are_said_to_be_dropped(self):
        self.put("deep.tif", tiff(16, 8, [(i * 97) % 65536 for i in range(16 * 8 * 3)], bits=16))
        self.assertRegex(self.notes("deep.tif")[0], "16-bit.*rounded")
        message = self.compass("encode", "deep.tif", "file.cmps").stderr.decode()
        self.assertIn("deep.tif: 16-bit", message)
        refused = self.compass("encode", "deep.tif", "strict.cmps", "--strict", code=BAD_FILE)
        self.assertIn(b"--strict", refused.stderr)

    def test_alpha_is_said_to_be_dropped(self):
        self.put("alpha.tif", tiff(16, 8, [(i * 31) % 256 for i in range(16 * 8 * 4)], bands=4, alpha=True))
        self.assertRegex(self.notes("alpha.tif")[0], "alpha.*white")
        self.compass("encode", "alpha.tif", "strict.cmps", "--strict", code=BAD_FILE)
        self.assertEqual(self.compass("encode", "alpha.tif", "file.cmps", "--quiet").stderr, b"")

    def test_what_is_not_a_picture_is_refused(self):
        whole = Picture.smooth(64, 64).ppm()
        for name, data in (("empty.png", b""), ("text.jpg", b"not a picture, whatever its name"),
                           ("cut.ppm", whole[:len(whole) // 2]), ("random.bin", bytes(range(256)) * 20)):
            with self.subTest(name):
                self.compass("encode", self.put(name, data), "file.cmps", code=BAD_FILE)
                self.compass("encode", "-", "file.cmps", stdin=data, code=BAD_FILE)

    def test_what_cannot_be_read_is_an_io_error(self):
        self.compass("encode", "missing.png", "file.cmps", code=IO)
        self.compass("encode", self.directory, "file.cmps", code=IO)

    def test_size_limit_comes_before_decoding(self):
        self.put("huge.ppm", b"P6 60000 60000 255\n")  # the pixels are not even there
        refused = self.compass("encode", "huge.ppm", "file.cmps", code=BAD_FILE)
        self.assertIn(b"60000x60000", refused.stderr)
        self.put("small.ppm", Picture.smooth(30, 30).ppm())
        self.compass("encode", "small.ppm", "file.cmps", "--max-pixels", 899, code=BAD_FILE)
        self.compass("encode", "small.ppm", "file.cmps", "--max-pixels", 900, code=OK)

    def test_formats_round_trip(self):
        self.encode(Picture.smooth(50, 30))
        exact = self.decode()
        for ending in ("png", "tif", "tiff", "ppm", "PNG"):
            with self.subTest(ending):
                self.compass("decode", "file.cmps", "out." + ending)
                self.compass("encode", "out." + ending, "again.cmps", "--layers", 1)
                self.put("exact.ppm", exact.ppm())
                self.compass("encode", "exact.ppm", "direct.cmps", "--layers", 1)
                self.assertEqual(self.get("again.cmps"), self.get("direct.cmps"))
        for ending in ("jpg", "webp"):
            with self.subTest(ending):
                self.compass("decode", "file.cmps", "out." + ending)
                self.assertEqual(self.encoded_size("out." + ending), (50, 30))


if __name__ == "__main__":
    main()

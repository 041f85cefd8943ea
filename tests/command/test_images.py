"""What encode makes of pictures that are not plain 8-bit RGB."""

import struct

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

    def test_what_is_lost_is_said(self):
        self.put("deep.tif", tiff(16, 8, [(i * 97) % 65536 for i in range(16 * 8 * 4)], bands=4, bits=16, alpha=True))
        self.assertRegex(self.notes("deep.tif")[0], "alpha.*rounded to 8 bits")
        message = self.compass("encode", "deep.tif", "file.cmps").stderr.decode()
        self.assertIn("deep.tif: the alpha", message)
        refused = self.compass("encode", "deep.tif", "strict.cmps", "--strict", code=BAD_FILE)
        self.assertIn(b"--strict", refused.stderr)
        self.assertEqual(self.compass("encode", "deep.tif", "file.cmps", "--quiet").stderr, b"")

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


def exif(orientation, artist):
    """A TIFF block with an orientation and an artist's name."""
    name = artist + b"\0"
    entries = struct.pack("<HHIHH", 274, 3, 1, orientation, 0) + struct.pack("<HHII", 315, 2, len(name), 38)
    return b"II*\0" + struct.pack("<IH", 8, 2) + entries + b"\0\0\0\0" + name


class Metadata(CommandTest):
    XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><!-- a title of the photo --></x:xmpmeta>'

    def photo(self, orientation=1, artist=b"A. Photographer"):
        """A JPEG file with Exif and XMP."""
        self.encode(Picture.smooth(40, 24), "--layers", 1, name="plain.cmps")
        self.compass("decode", "plain.cmps", "plain.jpg", "--quiet")
        plain = self.get("plain.jpg")
        at = 4 + struct.unpack(">H", plain[4:6])[0]  # behind the first segment, which is JFIF's or another Exif
        segments = b""
        for content in (b"Exif\0\0" + exif(orientation, artist), b"http://ns.adobe.com/xap/1.0/\0" + self.XMP):
            segments += b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content
        return self.put("photo.jpg", plain[:2] + segments + plain[at:])

    def test_exif_and_xmp_come_back(self):
        self.photo()
        self.compass("encode", "photo.jpg", "photo.cmps", "--quiet")
        names = {chunk["name"]: chunk["bytes"] for chunk in self.json("info", "photo.cmps")["metadata"]}
        self.assertEqual(set(names), {"Exif", "XMP"})
        self.assertEqual(names["XMP"], len(self.XMP))
        for name in ("out.jpg", "out.png", "out.webp"):
            self.compass("decode", "photo.cmps", name, "--quiet")
            self.assertTrue(b"A. Photographer" in self.get(name), name)
        self.assertTrue(self.XMP in self.get("out.jpg"))

    def test_the_decoded_picture_is_turned_once(self):
        self.photo(orientation=6)
        self.compass("encode", "photo.jpg", "photo.cmps", "--quiet")
        self.compass("decode", "photo.cmps", "out.jpg", "--quiet")
        self.compass("encode", "out.jpg", "again.cmps", "--quiet")
        for name in ("photo.cmps", "again.cmps"):
            top = self.json("info", name)["layers"][-1]
            self.assertEqual((top["width"], top["height"]), (24, 40), name)
        # The tag says upright in the file, too: 1 in place of 6.
        self.assertTrue(exif(1, b"A. Photographer") in self.get("photo.cmps"))

    def test_strip_leaves_it_out(self):
        self.photo()
        self.compass("encode", "photo.jpg", "bare.cmps", "--strip", "--quiet")
        self.assertEqual(self.json("info", "bare.cmps")["metadata"], [])
        self.compass("encode", "photo.jpg", "photo.cmps", "--quiet")
        self.compass("decode", "photo.cmps", "bare.jpg", "--strip", "--quiet")
        self.assertNotIn(b"A. Photographer", self.get("bare.jpg"))
        self.assertNotIn(b"xmpmeta", self.get("bare.jpg"))

    def test_lower_layers_and_extracts_keep_it(self):
        self.photo()
        self.compass("encode", "photo.jpg", "photo.cmps", "--quiet")
        self.compass("extract", "photo.cmps", "part.cmps", "--layers", 1)
        self.compass("decode", "part.cmps", "part.jpg", "--quiet")
        self.assertTrue(b"A. Photographer" in self.get("part.jpg"))

    def test_exif_that_makes_no_sense_is_harmless(self):
        for block in (b"", b"II*\0", b"MM\0*\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff" + b"\x12\x01" * 30,
                      bytes(range(256))):
            with self.subTest(block=block[:8]):
                plain = self.photo() and self.get("plain.jpg")
                at = 4 + struct.unpack(">H", plain[4:6])[0]
                content = b"Exif\0\0" + block
                self.put("odd.jpg", plain[:2] + b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content + plain[at:])
                self.compass("encode", "odd.jpg", "odd.cmps", "--quiet")
                self.compass("decode", "odd.cmps", "odd-out.jpg", "--quiet")
                self.compass("decode", "odd.cmps", "odd-out.png", "--quiet")


if __name__ == "__main__":
    main()

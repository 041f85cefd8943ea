"""Metadata that compass hands on is true of the picture it writes: upright, sRGB, of its size."""

import json
import struct
import zlib

from harness import OK, USAGE, CommandTest, Picture, main, tiff

XMP = (b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
       b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/" '
       b'tiff:Orientation="6"><exif:ColorSpace>65535</exif:ColorSpace></rdf:Description></rdf:RDF></x:xmpmeta>')
IPTC = b"\x1c\x02\x19\x00\x09a keyword"

ORIENTATION, X_RESOLUTION, Y_RESOLUTION, UNIT, EXIF_IFD = 0x112, 0x11A, 0x11B, 0x128, 0x8769
COLOUR_SPACE, WIDTH, HEIGHT, INTEROP_IFD = 0xA001, 0xA002, 0xA003, 0xA005
SHORT, LONG, RATIONAL, ASCII = 3, 4, 5, 2


def directory(at, entries, following=0):
    """A directory at that offset, big-endian: (tag, type, values); its longer values follow it."""
    body, extra = b"", b""
    extra_at = at + 2 + 12 * len(entries) + 4
    for tag, kind, values in sorted(entries):
        if kind == ASCII:
            packed, count = values, len(values)
        else:
            packed, count = b"".join(struct.pack({SHORT: ">H", LONG: ">I", RATIONAL: ">II"}[kind],
                                                 *(v if kind == RATIONAL else [v])) for v in values), len(values)
        if len(packed) > 4:
            packed, extra = struct.pack(">I", extra_at + len(extra)), extra + packed
        body += struct.pack(">HHI", tag, kind, count) + packed.ljust(4, b"\0")
    return struct.pack(">H", len(entries)) + body + struct.pack(">I", following) + extra


def adobe_rgb_exif(resolution=True):
    """As a camera writes it that was held upright and set to Adobe RGB; with a thumbnail."""
    entries = [(ORIENTATION, SHORT, [6]), (0x13B, ASCII, b"A. Photographer\0"), (EXIF_IFD, LONG, [200])]
    if resolution:
        entries += [(X_RESOLUTION, RATIONAL, [(300, 1)]), (Y_RESOLUTION, RATIONAL, [(150, 1)]), (UNIT, SHORT, [2])]
    parts = {8: directory(8, entries, 400),
             200: directory(200, [(COLOUR_SPACE, SHORT, [65535]), (WIDTH, LONG, [40]), (HEIGHT, LONG, [24]),
                                  (INTEROP_IFD, LONG, [300])]),
             300: directory(300, [(1, ASCII, b"R03\0")]),
             400: directory(400, [(ORIENTATION, SHORT, [6]), (0x201, LONG, [500]), (0x202, LONG, [90])]),
             500: b"THUMBNAIL" * 10}
    block = b"MM\0*" + struct.pack(">I", 8)
    for at, part in parts.items():
        assert at >= len(block)
        block = block.ljust(at, b"\0") + part
    return block


def exif_tags(block):
    """(directory, tag) to values, of the first directory (0), Exif's and interoperability's; and the offset of the
    thumbnail's."""
    order = "<" if block[:2] == b"II" else ">"
    tags = {}

    def read(name, at):
        count, = struct.unpack(order + "H", block[at:at + 2])
        for i in range(count):
            entry = block[at + 2 + 12 * i:][:12]
            tag, kind, number = struct.unpack(order + "HHI", entry[:8])
            size = {1: 1, ASCII: 1, SHORT: 2, LONG: 4, RATIONAL: 8}.get(kind, 1) * number
            data = entry[8:8 + size] if size <= 4 else block[struct.unpack(order + "I", entry[8:])[0]:][:size]
            if kind in (SHORT, LONG):
                data = list(struct.unpack(order + str(number) + {SHORT: "H", LONG: "I"}[kind], data))
            elif kind == RATIONAL:
                values = struct.unpack(order + str(2 * number) + "I", data)
                data = [a / b for a, b in zip(values[::2], values[1::2])]
            tags[name, tag] = data
            if tag in (EXIF_IFD, INTEROP_IFD):
                read(tag, data[0])
        return struct.unpack(order + "I", block[at + 2 + 12 * count:][:4])[0]
    following = read(0, struct.unpack(order + "I", block[4:8])[0])
    return tags, following


def jpeg_segments(data):
    segments, at = [], 2
    while data[at:at + 2] != b"\xff\xda":
        length, = struct.unpack(">H", data[at + 2:at + 4])
        segments.append((data[at + 1], data[at + 4:at + 2 + length]))
        at += 2 + length
    return segments


def png_chunks(data):
    chunks, at = {}, 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length:][:4])[0] == zlib.crc32(kind + body)
        chunks[kind] = body
        at += 12 + length
    return chunks


def webp_chunks(data):
    assert data[:4] == b"RIFF" and data[8:12] == b"WEBP" and struct.unpack("<I", data[4:8])[0] == len(data) - 8
    chunks, at = {}, 12
    while at < len(data):
        kind, length = struct.unpack("<4sI", data[at:at + 8])
        chunks[kind] = data[at + 8:at + 8 + length]
        at += 8 + length + length % 2
    return chunks


def exif_of(name, data):
    if name.endswith("jpg"):
        return next((body[6:] for marker, body in jpeg_segments(data) if body.startswith(b"Exif\0\0")), None)
    return png_chunks(data).get(b"eXIf") if name.endswith("png") else webp_chunks(data).get(b"EXIF")


class MetadataTest(CommandTest):
    def jpeg(self, name, *segments):
        """A JPEG file of 40 x 24 with these segments behind its start, in place of JFIF's."""
        self.encode(Picture.smooth(40, 24), "--layers", 1, name="plain.cmps")
        self.compass("decode", "plain.cmps", "plain.jpg", "--quiet")
        plain = self.get("plain.jpg")
        added = b"".join(struct.pack(">BBH", 255, marker, len(body) + 2) + body for marker, body in segments)
        return self.put(name, plain[:2] + added + plain[20:])

    def photo(self, **options):
        resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(IPTC)) + IPTC + b"\0" * (len(IPTC) % 2)
        self.jpeg("photo.jpg", (0xE1, b"Exif\0\0" + adobe_rgb_exif(**options)),
                  (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP), (0xED, b"Photoshop 3.0\0" + resource))
        self.compass("encode", "photo.jpg", "photo.cmps", "--quiet")

    def convert(self, name, out):
        self.compass("encode", name, "file.cmps", "--quiet")
        self.compass("decode", "file.cmps", out, "--quiet")
        return self.get(out)


class Truth(MetadataTest):
    def test_exif_is_true_of_the_picture(self):
        self.photo()
        for name in ("out.jpg", "out.png", "out.webp"):
            with self.subTest(name):
                self.compass("decode", "photo.cmps", name, "--quiet")
                data = self.get(name)
                tags, following = exif_tags(exif_of(name, data))
                self.assertEqual(tags[0, ORIENTATION], [1])
                self.assertEqual(tags[EXIF_IFD, COLOUR_SPACE], [1])
                self.assertEqual((tags[EXIF_IFD, WIDTH], tags[EXIF_IFD, HEIGHT]), ([24], [40]))
                self.assertEqual(tags[INTEROP_IFD, 1], b"R98\0")
                self.assertEqual((tags[0, X_RESOLUTION], tags[0, Y_RESOLUTION], tags[0, UNIT]), ([150], [300], [2]))
                self.assertEqual(tags[0, 0x13B], b"A. Photographer\0")
                self.assertEqual(following, 0)
                self.assertNotIn(b"THUMBNAIL", data)
                self.assertNotIn(b"R03", data)

    def test_sizes_are_the_layers(self):
        self.photo()
        self.compass("decode", "photo.cmps", "small.jpg", "--layer", 0, "--quiet")
        layer = self.json("info", "photo.cmps")["layers"][0]
        tags, _ = exif_tags(exif_of("small.jpg", self.get("small.jpg")))
        self.assertEqual((tags[EXIF_IFD, WIDTH], tags[EXIF_IFD, HEIGHT]), ([layer["width"]], [layer["height"]]))

    def test_xmp_is_true_of_the_picture(self):
        self.photo()
        for name in ("out.jpg", "out.png", "out.webp", "out.tif"):
            with self.subTest(name):
                self.compass("decode", "photo.cmps", name, "--quiet")
                data = self.get(name)
                self.assertIn(b'tiff:Orientation="1"', data)
                self.assertIn(b"<exif:ColorSpace>1<", data)
                self.assertNotIn(b'tiff:Orientation="6"', data)

    def test_iptc_is_kept(self):
        self.photo()
        self.assertIn({"type": 4, "name": "IPTC", "bytes": len(IPTC)}, self.json("info", "photo.cmps")["metadata"])
        for name in ("out.jpg", "out.tif"):
            with self.subTest(name):
                self.compass("decode", "photo.cmps", name, "--quiet")
                self.assertIn(IPTC, self.get(name))
                self.compass("encode", name, "again.cmps", "--quiet")
                chunks = [c for c in self.json("info", "again.cmps")["metadata"] if c["name"] == "IPTC"]
                self.assertEqual([c["bytes"] for c in chunks], [len(IPTC)])

    def test_what_does_not_arrive_is_said(self):
        self.photo(resolution=False)  # which TIFF has a place for, and which would be Exif when it is read
        for ending in ("jpg", "png", "webp", "tif", "jp2", "avif", "heic", "jxl"):
            with self.subTest(ending):
                done = self.run_command("decode", "photo.cmps", "out." + ending, "--json")
                if done.returncode == USAGE:
                    continue  # not a format that is written here
                self.assertEqual(done.returncode, OK, done.stderr)
                notes = json.loads(done.stdout)["notes"]
                self.compass("encode", "out." + ending, "again.cmps", "--quiet")
                kept = [chunk["name"] for chunk in self.json("info", "again.cmps")["metadata"]]
                for kind in ("Exif", "XMP", "IPTC"):
                    said = [note for note in notes if kind in note]
                    self.assertEqual(len(said), 0 if kind in kept else 1, (kind, kept, notes))

    def test_xmp_may_begin_with_a_processing_instruction(self):
        packet = b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>' + XMP + b'<?xpacket end="w"?>'
        self.jpeg("photo.jpg", (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet))
        self.compass("encode", "photo.jpg", "photo.cmps", "--quiet")
        for ending in ("jpg", "png", "webp", "tif", "avif", "heic"):
            with self.subTest(ending):
                done = self.run_command("decode", "photo.cmps", "out." + ending, "--json")
                if done.returncode == USAGE:
                    continue
                self.assertEqual(json.loads(done.stdout)["notes"], [])
                self.compass("encode", "out." + ending, "again.cmps", "--quiet")
                self.assertIn("XMP", [chunk["name"] for chunk in self.json("info", "again.cmps")["metadata"]])

    def test_boxes_of_jpeg_2000_are_read(self):
        """As exiftool and Adobe's programs write them."""
        self.encode(Picture.smooth(40, 24), "--layers", 1, name="plain.cmps")
        self.compass("decode", "plain.cmps", "plain.jp2", "--quiet")
        plain, exif = self.get("plain.jp2"), adobe_rgb_exif()
        box = lambda kind, body: struct.pack(">I", len(body) + 8) + kind + body
        xmp_id = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
        iptc_id = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
        self.put("in.jp2", plain[:32] + box(b"uuid", b"JpgTiffExif->JP2" + exif) + box(b"uuid", xmp_id + XMP) +
                 box(b"uuid", iptc_id + IPTC) + plain[32:])
        self.assertEqual(self.lab_json("compare", "in.jp2", "plain.jp2")["psnr"], None)
        data = self.convert("in.jp2", "out.jpg")
        tags, _ = exif_tags(exif_of("out.jpg", data))
        self.assertEqual(tags[0, ORIENTATION], [1])
        self.assertEqual(tags[0, 0x13B], b"A. Photographer\0")
        self.assertIn(b'tiff:Orientation="1"', data)
        self.assertIn(IPTC, data)
        for cut in (b"\0\0\0\1uuid" + b"\xff" * 8, b"\0\0\0\x08uuid", box(b"uuid", xmp_id), box(b"Exif", b"\xff" * 5)):
            self.put("odd.jp2", plain + cut)
            self.assertEqual(self.lab_json("compare", "odd.jp2", "plain.jp2")["psnr"], None)

    def test_boxes_of_jpeg_xl_are_read(self):
        self.encode(Picture.smooth(40, 24), "--layers", 1, name="plain.cmps")
        if self.run_command("decode", "plain.cmps", "plain.jxl").returncode != OK:
            self.skipTest("JPEG XL cannot be written here")
        plain, exif = self.get("plain.jxl"), adobe_rgb_exif()
        box = lambda kind, body: struct.pack(">I", len(body) + 8) + kind + body
        if plain[:2] == b"\xff\x0a":  # a bare codestream
            plain = (box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl \0\0\0\0jxl ") + box(b"jxlc", plain))
        self.put("in.jxl", plain + box(b"Exif", b"\0\0\0\2xx" + exif) + box(b"xml ", XMP))
        self.assertEqual(self.lab_json("compare", "in.jxl", "plain.jxl")["psnr"], None)
        tags, _ = exif_tags(exif_of("out.jpg", self.convert("in.jxl", "out.jpg")))
        self.assertEqual(tags[0, 0x13B], b"A. Photographer\0")
        self.assertIn(b'tiff:Orientation="1"', self.get("out.jpg"))

    def test_a_second_round_changes_nothing(self):
        self.photo()
        for name in ("out.jpg", "out.png", "out.webp"):
            with self.subTest(name):
                self.compass("decode", "photo.cmps", name, "--quiet")
                self.compass("encode", name, "again.cmps", "--quiet")
                self.compass("decode", "again.cmps", "again." + name, "--quiet")
                self.assertEqual(exif_of(name, self.get("again." + name)), exif_of(name, self.get(name)))

    def test_a_colour_space_that_only_exif_states_is_said_to_be_passed_over(self):
        self.photo()
        self.assertRegex(self.json("encode", "photo.jpg", "photo.cmps")["notes"][0], "Exif says Adobe RGB")

    def test_texts_of_tiff_become_exif(self):
        self.photo()
        self.compass("decode", "photo.cmps", "out.tif", "--strip", "--quiet")
        data = self.get("out.tif")
        at, = struct.unpack("<I", data[4:8])
        count, = struct.unpack("<H", data[at:at + 2])
        texts = ((0x13B, b"A. Photographer\0"), (0x8298, b"me\0"))
        entries = sorted([data[at + 2 + 12 * i:][:12] for i in range(count)] +
                         [struct.pack("<HHI", tag, 2, len(text)) +
                          (text.ljust(4, b"\0") if len(text) <= 4 else struct.pack("<I", len(data)))
                         for tag, text in texts],
                         key=lambda entry: struct.unpack("<H", entry[:2]))
        data += texts[0][1]
        directory = struct.pack("<H", len(entries)) + b"".join(entries) + b"\0\0\0\0"
        self.put("in.tif", data[:4] + struct.pack("<I", len(data)) + data[8:] + directory)
        tags, _ = exif_tags(exif_of("out.jpg", self.convert("in.tif", "out.jpg")))
        for tag, text in texts:
            self.assertEqual(tags[0, tag], text)

    def test_exif_of_no_sense_is_dropped_and_said_so(self):
        self.jpeg("odd.jpg", (0xE1, b"Exif\0\0" + bytes(range(200))))
        result = self.json("encode", "odd.jpg", "odd.cmps")
        self.assertEqual(result["notes"], ["its Exif block is malformed and is dropped"])
        self.assertEqual(self.json("info", "odd.cmps")["metadata"], [])


class Resolution(MetadataTest):
    JFIF = b"JFIF\0\1\1\1" + struct.pack(">HH", 300, 150) + b"\0\0"

    def assert_density(self, block, x, y):
        tags, _ = exif_tags(block)
        unit = {2: 0.0254, 3: 0.01}[tags[0, UNIT][0]]
        self.assertAlmostEqual(tags[0, X_RESOLUTION][0] / unit * 0.0254, x, places=1)
        self.assertAlmostEqual(tags[0, Y_RESOLUTION][0] / unit * 0.0254, y, places=1)

    def test_it_is_kept_from_jfif(self):
        self.jpeg("in.jpg", (0xE0, self.JFIF))
        self.assert_density(exif_of("out.jpg", self.convert("in.jpg", "out.jpg")), 300, 150)
        self.assertIn(b"JFIF\0\1\2\1" + struct.pack(">HH", 300, 150), self.get("out.jpg"))
        chunks = png_chunks(self.convert("in.jpg", "out.png"))
        self.assertEqual(chunks[b"pHYs"], struct.pack(">IIB", 11811, 5906, 1))
        self.assertIn(struct.pack(">IIB", 11811, 5906, 1), self.convert("out.png", "again.png"))

    def test_it_is_added_to_exif_that_states_none(self):
        self.photo(resolution=False)
        self.assertNotIn((0, X_RESOLUTION), exif_tags(exif_of("out.jpg", self.convert("photo.jpg", "out.jpg")))[0])
        # The picture is turned, and so is what was across.
        self.jpeg("in.jpg", (0xE0, self.JFIF), (0xE1, b"Exif\0\0" + adobe_rgb_exif(resolution=False)))
        block = exif_of("out.jpg", self.convert("in.jpg", "out.jpg"))
        self.assert_density(block, 150, 300)
        self.assertEqual(exif_tags(block)[0][0, 0x13B], b"A. Photographer\0")

    def test_it_is_kept_from_tiff(self):
        self.encode(Picture.smooth(40, 24))
        self.jpeg("in.jpg", (0xE0, self.JFIF))
        self.convert("in.jpg", "out.tif")
        self.assert_density(exif_of("out.jpg", self.convert("out.tif", "out.jpg")), 300, 150)

    def test_none_is_made_up(self):
        self.put("plain.tif", tiff(16, 8, [7] * 16 * 8 * 3))
        self.assertEqual([(marker, body) for marker, body in jpeg_segments(self.convert("plain.tif", "out.jpg"))
                          if 0xE0 <= marker <= 0xEF], [(0xE0, b"JFIF\0\1\2\0\0\1\0\1\0\0")])
        self.assertEqual(set(png_chunks(self.convert("plain.tif", "out.png"))), {b"IHDR", b"IDAT", b"IEND"})
        self.assertEqual(len(webp_chunks(self.convert("plain.tif", "out.webp"))), 1)
        tags, _ = exif_tags(self.convert("plain.tif", "out.tif"))
        self.assertEqual((tags[0, X_RESOLUTION], tags[0, Y_RESOLUTION], tags[0, UNIT]), ([1], [1], [1]))

    def test_strip_leaves_out_everything(self):
        self.photo()
        for name in ("out.jpg", "out.png", "out.webp", "out.tif"):
            with self.subTest(name):
                self.compass("decode", "photo.cmps", name, "--strip", "--quiet")
                data = self.get(name)
                for trace in (b"Exif", b"EXIF", b"eXIf", b"pHYs", b"8BIM", b"keyword", b"xmpmeta", b"Photographer"):
                    self.assertNotIn(trace, data)


class Room(MetadataTest):
    """What a format has no room for does not keep the picture from being written."""

    def test_what_is_too_large_is_left_out(self):
        large = XMP.replace(b"</rdf:RDF>", b"</rdf:RDF><!--" + b"x" * 200000 + b"-->")
        self.encode(Picture.smooth(40, 24))
        self.compass("decode", "file.cmps", "plain.png", "--quiet")
        plain = self.get("plain.png")
        body = b"XML:com.adobe.xmp\0\0\0\0\0" + large
        chunk = struct.pack(">I", len(body)) + b"iTXt" + body + struct.pack(">I", zlib.crc32(b"iTXt" + body))
        self.put("large.png", plain[:33] + chunk + plain[33:])
        self.assertIn(b"xxxx", self.convert("large.png", "out.png"))
        self.assertNotIn(b"xxxx", self.convert("large.png", "out.jpg"))
        self.compass("encode", "out.jpg", "again.cmps")


if __name__ == "__main__":
    main()

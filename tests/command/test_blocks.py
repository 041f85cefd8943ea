"""Large layers are cut into blocks: which bytes a region takes, and what damage costs."""

import os

from harness import DAMAGED, MODEL, USAGE, CommandTest, Picture, main

# 9 blocks of 512x512 side by side, over a layer that is one stream.
WIDE = (4150, 6)
REGION = "2600,1,40,5"


class Blocks(CommandTest):
    def setUp(self):
        super().setUp()
        self.encode(Picture.smooth(*WIDE), "--layers", "2")

    def reading(self, *options, name="file.cmps"):
        return self.json("info", name, *options)["reading"]

    def keep(self, ranges, name):
        """The file with zeros outside the ranges."""
        data = self.get("file.cmps")
        kept = bytearray(len(data))
        for r in ranges:
            kept[r["offset"]:r["offset"] + r["bytes"]] = data[r["offset"]:r["offset"] + r["bytes"]]
        self.put(name, bytes(kept))

    def test_info_names_the_bytes_that_a_region_takes(self):
        whole = self.decode("--precision", "f32")
        info = self.json("info", "file.cmps", "--region", REGION)
        reading = info["reading"]
        self.assertEqual((reading["layer"], reading["region"]), (1, [2600, 1, 40, 5]))
        self.assertEqual(reading["bytes"], sum(r["bytes"] for r in reading["ranges"]))
        ends = [r["offset"] + r["bytes"] for r in reading["ranges"]]
        self.assertTrue(all(end < r["offset"] for end, r in zip(ends, reading["ranges"][1:])), reading)
        self.assertLess(reading["bytes"], len(self.get("file.cmps")) - 1000)
        text = self.compass("info", "file.cmps", "--region", REGION).stdout.decode()
        self.assertIn("  %d-%d\n" % (reading["ranges"][-1]["offset"], ends[-1] - 1), text)
        # They are enough, from a file and through a pipe, even for those who refuse damage.
        self.keep(reading["ranges"], "part.cmps")
        part = self.decode("--region", REGION, "--precision", "f32", "--strict", name="part.cmps")
        crop = whole.crop(2600, 1, 40, 5)
        self.assertTrue(all(abs(a - b) <= 1 for a, b in zip(part.rgb, crop.rgb)))
        piped = self.decode("--region", REGION, "--precision", "f32", name="-", stdin=self.get("part.cmps"))
        self.assertEqual(piped.rgb, part.rgb)
        self.assertEqual(self.reading("--region", REGION, "--model", MODEL), reading)

    def test_a_small_layer_is_read_whole(self):
        info = self.json("info", "file.cmps", "--region", "9,1,1,1", "--layer", "0")
        self.assertEqual(info["reading"]["ranges"], [{"offset": 0, "bytes": info["layers"][0]["end"]}])
        self.assertNotIn("reading", self.json("info", "file.cmps"))

    def test_info_refuses_what_makes_no_sense(self):
        self.compass("info", "file.cmps", "--layer", "1", code=USAGE)
        self.compass("info", "file.cmps", "--region", "0,0,5", code=USAGE)
        for region, layer in [("4149,0,2,1", "1"), ("0,0,2076,1", "0"), ("0,0,1,1", "2")]:
            done = self.compass("info", "file.cmps", "--region", region, "--layer", layer, code=USAGE)
            self.assertEqual(done.stdout, b"")
        data = bytearray(self.get("file.cmps"))
        data[self.json("info", "file.cmps")["layers"][0]["end"] + 2] ^= 1
        self.put("bad.cmps", bytes(data))
        done = self.compass("info", "bad.cmps", "--region", REGION, code=DAMAGED)
        self.assertIn(b"index", done.stderr)

    def test_damage_costs_its_part(self):
        reading = self.reading("--region", REGION)
        last = reading["ranges"][-1]
        data = bytearray(self.get("file.cmps"))
        data[last["offset"] + last["bytes"] - 1] ^= 1
        self.put("bad.cmps", bytes(data))
        done = self.compass("decode", "bad.cmps", "out.ppm", code=DAMAGED)
        self.assertIn(b"layer 1: its part of the 512x6 pixels at ", done.stderr)
        self.assertIn(b"wrote layer 1 (4150x6)", done.stderr)
        self.assertEqual(Picture.from_ppm(self.get("out.ppm")).size, WIDE)
        self.compass("decode", "bad.cmps", "best.ppm", "--best")
        self.assertEqual(self.get("best.ppm"), self.get("out.ppm"))
        self.compass("decode", "bad.cmps", "no.ppm", "--strict", code=DAMAGED)
        self.assertNotIn("no.ppm", os.listdir(self.directory))
        self.compass("decode", "bad.cmps", "good.ppm", "--region", "100,0,50,6")

    def test_a_cut_file_shows_the_blocks_it_has(self):
        data = self.get("file.cmps")
        self.put("cut.cmps", data[:-1])
        done = self.compass("decode", "cut.cmps", "out.ppm", code=DAMAGED)
        self.assertIn(b"is cut off", done.stderr)
        self.assertEqual(Picture.from_ppm(self.get("out.ppm")).size, WIDE)
        index_end = self.json("info", "file.cmps")["layers"][0]["end"] + 10
        self.put("cut.cmps", data[:index_end])
        self.compass("decode", "cut.cmps", "out.ppm", code=DAMAGED)
        self.assertEqual(Picture.from_ppm(self.get("out.ppm")).size, (2075, 3))

    def test_extract_keeps_blocks_byte_for_byte(self):
        self.encode(Picture.smooth(4200, 12), "--sizes", "2050x3,4150x6,4200x12", name="three.cmps")
        self.compass("extract", "three.cmps", "two.cmps", "--layers", "2")
        three, two = self.json("info", "three.cmps"), self.json("info", "two.cmps")
        self.assertEqual(self.get("two.cmps")[two["header_bytes"]:],
                         self.get("three.cmps")[three["header_bytes"]:three["layers"][1]["end"]])
        self.assertEqual(self.decode(name="two.cmps").rgb, self.decode("--layer", 1, name="three.cmps").rgb)


if __name__ == "__main__":
    main()

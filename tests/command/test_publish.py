"""compass publish: a folder of pictures becomes one that any web server can serve."""

import gzip
import json
import os
import time
import unittest

from harness import CommandTest, FAILURE, IO, MODEL, OK, Picture, USAGE, main


class Publish(CommandTest):
    def setUp(self):
        super().setUp()
        os.makedirs(self.path("photos/trip"))
        os.mkdir(self.path("web"))
        self.put("web/compass.wasm", b"module")
        self.put("web/compass-img.mjs", b"script")
        self.put("photos/one.ppm", Picture.smooth(90, 60).ppm())
        self.put("photos/trip/two & three.ppm", Picture.smooth(50, 70, seed=2).ppm())
        self.put("photos/notes.txt", b"not a picture")
        self.put("photos/.hidden.ppm", Picture.smooth(9, 9).ppm())

    def publish(self, *options, code=OK, **more):
        env = self.environment(COMPASS_WEB_PATH=self.path("web"))
        if code != OK:
            return self.compass("publish", "photos", "site", *options, code=code, env=env)
        return self.json("publish", "photos", "site", *options, env=env, **more)

    def test_a_site_is_made(self):
        report = self.publish("--title", "A <trip>")
        self.assertEqual((report["pictures"], report["made"], report["failures"]), (2, 2, []))
        manifest = json.loads(self.get("site/manifest.json"))
        self.assertEqual([picture["file"] for picture in manifest["pictures"]], ["one.cmps", "trip/two & three.cmps"])
        one = manifest["pictures"][0]
        self.assertEqual(one["bytes"], len(self.get("site/one.cmps")))
        self.assertEqual(one["layers"], [{"width": 90, "height": 60, "bytes": one["bytes"]}])
        self.assertEqual(one["decoder"], self.json("info", "site/one.cmps")["decoder"])
        self.assertEqual(self.get("site/compass/compass.wasm"), b"module")
        # A model that decodes base layers, and what it lacks of one that decodes all; of the encoder nothing.
        models = "site/compass/model/" + one["decoder"]
        self.put("base.safetensors", gzip.decompress(self.get(models + "/base.gz")))
        self.compass("decode", "site/one.cmps", "one.png", "--layer", 0, "--model", "base.safetensors", "--quiet")
        upper = gzip.decompress(self.get(models + "/upper.gz"))
        self.assertIn(b'"enhancement.g_s.', upper)
        self.assertNotIn(b'"enhancement.g_a.', upper)
        # Text and the module are there compressed, too, for servers that send that.
        for name in ("index.html", "compass/compass.wasm", "compass/compass-img.mjs"):
            self.assertEqual(gzip.decompress(self.get("site/" + name + ".gz")), self.get("site/" + name))
        self.assertFalse(os.path.exists(self.path("site/one.cmps.gz")))
        page = self.get("site/index.html").decode()
        self.assertIn("A &lt;trip&gt;", page)
        self.assertIn('<compass-img src="trip/two%20%26%20three.cmps"', page)
        self.assertIn('data-decoder="%s" data-layers="90x60 %d"' % (one["decoder"], one["bytes"]), page)
        self.assertIn('href="compass/viewer.html?src=../one.cmps"', page)
        self.assertIn('alt="one.cmps"', self.get("site/snippet.html").decode())
        self.assertNotIn("?format=", page)  # no server makes other formats of these

    def test_layers_go_down_to_thumbnails(self):
        self.put("photos/large.ppm", Picture.smooth(1300, 60).ppm())
        self.publish("--effort", 0)
        manifest = json.loads(self.get("site/manifest.json"))
        widths = {p["file"]: [layer["width"] for layer in p["layers"]] for p in manifest["pictures"]}
        self.assertEqual(widths["large.cmps"], [325, 650, 1300])
        self.publish("--layers", 2)
        manifest = json.loads(self.get("site/manifest.json"))
        self.assertTrue(all(len(picture["layers"]) == 2 for picture in manifest["pictures"]))

    def test_only_what_changed_is_made_again(self):
        self.publish()
        first = os.stat(self.path("site/one.cmps")).st_mtime_ns
        self.assertEqual(self.publish()["made"], 0)
        later = time.time() + 5
        self.put("photos/one.ppm", Picture.smooth(91, 60).ppm())
        os.utime(self.path("photos/one.ppm"), (later, later))
        self.assertEqual(self.publish()["made"], 1)
        self.assertNotEqual(os.stat(self.path("site/one.cmps")).st_mtime_ns, first)
        self.assertGreaterEqual(self.publish("-q", 20)["made"], 2)  # other settings

    def put_two(self):
        """A folder of two pictures, p, to be published as s."""
        os.mkdir(self.path("p"))
        for name, seed in (("a", 1), ("b", 2)):
            self.put("p/%s.ppm" % name, Picture.smooth(48, 32, seed).ppm())

    def publish_two(self, quality, code=OK):
        """How many pictures were made, and what the manifest says then, by files' names."""
        done = self.run_command("publish", "p", "s", "-q", quality, "--effort", 0, "--json",
                                env=self.environment(COMPASS_WEB_PATH=self.path("web")))
        self.assertEqual(done.returncode, code, done.stderr)
        listed = {picture["file"]: picture for picture in json.loads(self.get("s/manifest.json"))["pictures"]}
        for name, picture in listed.items():
            self.assertEqual(len(self.get("s/" + name)), picture["bytes"])
        return json.loads(done.stdout)["made"] if done.stdout else None, listed

    def test_an_interrupted_run_leaves_no_files_of_other_settings(self):
        self.put_two()
        self.assertEqual(self.publish_two(20)[0], 2)
        coarse = self.get("s/a.cmps"), self.get("s/b.cmps")
        os.remove(self.path("s/b.cmps"))
        os.mkdir(self.path("s/b.cmps"))  # cannot be written, not even by root
        _, listed = self.publish_two(90, code=IO)
        self.assertEqual(list(listed), ["a.cmps"])
        self.assertIn("quality 90,", listed["a.cmps"]["settings"])
        fine = self.get("s/a.cmps")
        self.assertNotEqual(fine, coarse[0])
        os.rmdir(self.path("s/b.cmps"))
        self.put("s/b.cmps", coarse[1])  # is of quality 20, but nothing says so any more
        made, listed = self.publish_two(20)
        self.assertEqual((made, list(listed)), (2, ["a.cmps", "b.cmps"]))
        self.assertEqual((self.get("s/a.cmps"), self.get("s/b.cmps")), coarse)
        # What was made before the interruption is not made again with the same settings.
        os.remove(self.path("s/b.cmps"))
        os.mkdir(self.path("s/b.cmps"))
        self.publish_two(90, code=IO)
        os.rmdir(self.path("s/b.cmps"))
        self.assertEqual(self.publish_two(90)[0], 1)
        self.assertEqual(self.get("s/a.cmps"), fine)

    def test_the_file_of_a_picture_that_failed_is_not_listed(self):
        self.put_two()
        self.publish_two(20)
        coarse, picture = self.get("s/b.cmps"), self.get("p/b.ppm")
        times = os.stat(self.path("p/b.ppm"))
        self.put("p/b.ppm", b"not a picture for now")
        made, listed = self.publish_two(90, code=FAILURE)
        self.assertEqual((made, list(listed)), (1, ["a.cmps"]))
        self.assertNotIn(b"b.cmps", self.get("s/index.html") + self.get("s/snippet.html"))
        self.put("p/b.ppm", picture)
        os.utime(self.path("p/b.ppm"), ns=(times.st_atime_ns, times.st_mtime_ns))
        made, listed = self.publish_two(90)
        self.assertEqual((made, list(listed)), (1, ["a.cmps", "b.cmps"]))
        self.assertNotEqual(self.get("s/b.cmps"), coarse)

    def test_any_change_of_a_picture_counts(self):
        self.put_two()
        self.publish_two(20)
        first = self.get("s/a.cmps")
        self.put("p/a.ppm", Picture.smooth(48, 32, seed=3).ppm())  # as large as before
        os.utime(self.path("p/a.ppm"), (1e9, 1e9))  # and older
        made, listed = self.publish_two(20)
        self.assertEqual(made, 1)
        self.assertNotEqual(self.get("s/a.cmps"), first)
        self.assertEqual(listed["a.cmps"]["source"], "a.ppm")
        self.assertRegex(listed["a.cmps"]["state"], "^[0-9a-f]{16}$")  # and no time, which all could read
        self.assertNotIn(b"1000000000", self.get("s/manifest.json"))
        self.put("p/a.ppm", self.get("p/a.ppm") + b"\0")
        os.utime(self.path("p/a.ppm"), (1e9, 1e9))
        self.assertEqual(self.publish_two(20)[0], 1)
        with open(self.path("s/a.cmps"), "ab") as file:
            file.write(b"\0")
        self.assertEqual(self.publish_two(20)[0], 1)
        self.assertEqual(self.publish_two(20)[0], 0)

    def test_without_a_manifest_that_says_how_all_is_made_again(self):
        self.put_two()
        self.publish_two(20)
        listed = json.loads(self.get("s/manifest.json"))["pictures"]
        older = [{key: picture[key] for key in ("file", "bytes", "decoder", "layers")} for picture in listed]
        for text in ({"settings": "model 0123456789abcdef, quality 20", "pictures": older}, {"pictures": 1},
                     {"pictures": [1, {"source": 1}, {"source": {"file": 1}}]}, []):
            self.put("s/manifest.json", json.dumps(text).encode())
            self.assertEqual(self.publish_two(20)[0], 2)
        self.put("s/manifest.json", b"{")
        self.assertEqual(self.publish_two(20)[0], 2)

    def test_names_need_not_be_text(self):
        self.put_two()
        os.rename(os.fsencode(self.path("p/b.ppm")), os.fsencode(self.path("p")) + b"/\xff.ppm")
        env = self.environment(COMPASS_WEB_PATH=self.path("web"))
        for made in (2, 0):
            report = self.json("publish", "p", "s", "--effort", 0, env=env)
            self.assertEqual((report["pictures"], report["made"]), (2, made))

    def test_a_picture_that_cannot_be_read_is_not_taken_for_the_output(self):
        self.put_two()
        os.symlink("/proc/self/mem", self.path("p/unreadable.ppm"))  # not even by root
        os.mkdir(self.path("pictures"))
        os.rename(self.path("p"), self.path("pictures/p"))
        done = self.run_command("publish", "pictures", self.path("pic"), "--effort", 0,
                                env=self.environment(COMPASS_WEB_PATH=self.path("web")))
        self.assertEqual(done.returncode, FAILURE, done.stderr)
        self.assertRegex(done.stderr, b"unreadable.ppm: cannot read: ")
        self.assertIn(b"1 of 3 pictures could not be published", done.stderr)
        self.assertEqual(len(json.loads(self.get("pic/manifest.json"))["pictures"]), 2)

    def test_files_of_ours_are_copied(self):
        self.encode(Picture.smooth(40, 40), name="photos/ours.cmps")
        self.assertEqual(self.publish()["made"], 3)
        self.assertEqual(self.get("site/ours.cmps"), self.get("photos/ours.cmps"))

    def test_files_of_other_models_come_with_theirs(self):
        other = os.path.join(os.path.dirname(MODEL), "tiny_trellis.safetensors")
        self.encode(Picture.smooth(40, 40), "--model", other, name="photos/other.cmps")
        env = self.environment(COMPASS_WEB_PATH=self.path("web"))
        done = self.run_command("publish", "photos", "site", env=env)
        self.assertEqual(done.returncode, FAILURE)
        self.assertIn(b"other.cmps needs decoder", done.stderr)
        self.assertFalse(os.path.exists(self.path("site/other.cmps")))
        env = self.environment(COMPASS_WEB_PATH=self.path("web"), COMPASS_MODEL_PATH=MODEL + ":" + other)
        self.json("publish", "photos", "site", env=env)
        manifest = json.loads(self.get("site/manifest.json"))
        decoders = {picture["file"]: picture["decoder"] for picture in manifest["pictures"]}
        self.assertNotEqual(decoders["one.cmps"], decoders["other.cmps"])
        self.assertEqual(sorted(os.listdir(self.path("site/compass/model"))), sorted(set(decoders.values())))

    def test_pages_take_the_small_model(self):
        os.mkdir(self.path("models"))
        trellis = os.path.join(os.path.dirname(MODEL), "tiny_trellis.safetensors")
        for name, model in (("lite", MODEL), ("swift", trellis)):
            with open(model, "rb") as file:
                self.put("models/%s.safetensors" % name, file.read())
        env = self.environment(COMPASS_WEB_PATH=self.path("web"), COMPASS_MODEL_PATH=self.path("models"))

        def decoder(*options):
            self.json("publish", "photos", "site", *options, env=env)
            return json.loads(self.get("site/manifest.json"))["pictures"][0]["decoder"]

        small, large = decoder(), decoder("--model", "lite")
        self.assertNotEqual(small, large)
        self.put("in.ppm", Picture.smooth(30, 30).ppm())
        self.json("encode", "in.ppm", "swift.cmps", "--model", "swift", env=env)
        self.json("encode", "in.ppm", "lite.cmps", env=env)
        self.assertEqual([self.json("info", "%s.cmps" % name)["decoder"] for name in ("swift", "lite")], [small, large])
        # A model that is named by its file comes before those of folders behind it.
        env["COMPASS_MODEL_PATH"] = MODEL + ":" + self.path("models")
        self.assertEqual(decoder(), large)

    def test_a_bad_picture_costs_no_others(self):
        self.put("photos/bad.png", b"\x89PNG\r\n\x1a\n garbage")
        env = self.environment(COMPASS_WEB_PATH=self.path("web"))
        done = self.run_command("publish", "photos", "site", env=env)
        self.assertEqual(done.returncode, FAILURE)
        self.assertIn(b"1 of 3 pictures could not be published", done.stderr)
        self.assertEqual(len(json.loads(self.get("site/manifest.json"))["pictures"]), 2)

    def test_what_cannot_be(self):
        self.put("photos/one.png", b"x")
        self.publish(code=USAGE)  # two pictures would be one.cmps
        os.remove(self.path("photos/one.png"))
        env = self.environment(COMPASS_WEB_PATH=self.path("web"))
        self.compass("publish", "photos", "photos/site", code=USAGE, env=env)
        self.compass("publish", "photos", "photos", code=USAGE, env=env)
        self.compass("publish", "none", "site", code=IO, env=env)
        self.compass("publish", "web", "site", code=USAGE, env=env)  # no pictures there
        self.publish("-q", 101, code=USAGE)
        self.publish("--layers", 0, code=USAGE)
        self.compass("publish", "photos", "site", code=FAILURE, env=self.environment(COMPASS_WEB_PATH=self.path("none")))
        self.assertFalse(os.path.exists(self.path("site/index.html")))


if __name__ == "__main__":
    main()

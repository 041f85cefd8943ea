"""Model files with only what decoding needs."""

import os
import unittest

from harness import IO, MODEL, MODEL_OTHER, USAGE, CommandTest, Picture, main


class Strip(CommandTest):
    def setUp(self):
        super().setUp()
        self.encode(Picture.smooth(97, 67), "--effort", 0)
        self.lab("strip", MODEL, "decoder.safetensors", "--quiet")
        self.lab("strip", MODEL, "base.safetensors", "--base-only", "--quiet")

    def test_a_decoder_decodes_the_same_and_encodes_nothing(self):
        for options in ([], ["--layer", 0], ["--size", "150x110"], ["--exact"]):
            whole = self.decode(*options)
            self.assertEqual(self.decode(*options, "--model", "decoder.safetensors").rgb, whole.rgb)
        for model in "decoder.safetensors", "base.safetensors":
            done = self.compass("encode", "in.ppm", "new.cmps", "--model", model, code=MODEL_OTHER)
            self.assertIn(b"only what decoding needs", done.stderr)
        self.assertFalse(os.path.exists(self.path("new.cmps")))

    def test_a_base_decoder_decodes_layer_0(self):
        with_base = ["--model", "base.safetensors"]
        self.assertEqual(self.decode("--layer", 0, *with_base).rgb, self.decode("--layer", 0).rgb)
        done = self.compass("decode", "file.cmps", "x.png", *with_base, code=MODEL_OTHER)
        self.assertIn(b"ask for layer 0", done.stderr)
        self.assertFalse(os.path.exists(self.path("x.png")))

    def test_a_model_that_decodes_all_is_preferred(self):
        places = lambda *names: self.environment(COMPASS_MODEL_PATH=":".join(map(self.path, names)))
        both = places("base.safetensors", "decoder.safetensors")
        self.assertEqual(self.decode(env=both).size, (97, 67))
        self.assertEqual(self.decode("--layer", 0, env=places("base.safetensors")).size, (24, 16))

    def test_it_says_what_it_wrote(self):
        sizes = [os.path.getsize(self.path(name)) for name in ("base.safetensors", "decoder.safetensors")]
        self.assertLess(sizes[0], sizes[1])
        self.assertLess(sizes[1], os.path.getsize(MODEL))
        said = self.lab_json("strip", MODEL, "again.safetensors")
        self.assertEqual(said["bytes"], sizes[1])
        self.assertEqual(said["decoder"], self.json("info", "file.cmps")["decoder"])
        self.assertEqual(self.get("again.safetensors"), self.get("decoder.safetensors"))
        text = self.lab("strip", MODEL, "again.safetensors", "--base-only").stdout.decode()
        self.assertIn(said["decoder"], text)
        self.assertEqual(self.get("again.safetensors"), self.get("base.safetensors"))

    def test_stripping_twice_changes_nothing(self):
        self.lab("strip", "decoder.safetensors", "twice.safetensors")
        self.assertEqual(self.get("twice.safetensors"), self.get("decoder.safetensors"))
        self.lab("strip", "decoder.safetensors", "twice.safetensors", "--base-only")
        self.assertEqual(self.get("twice.safetensors"), self.get("base.safetensors"))
        self.lab("strip", "base.safetensors", "twice.safetensors")
        self.assertEqual(self.get("twice.safetensors"), self.get("base.safetensors"))

    def test_what_it_refuses(self):
        before = self.get("decoder.safetensors")
        self.lab("strip", "decoder.safetensors", "decoder.safetensors", code=USAGE)
        self.assertEqual(self.get("decoder.safetensors"), before)
        self.lab("strip", "in.ppm", "x.safetensors", code=MODEL_OTHER)
        self.lab("strip", "absent.safetensors", "x.safetensors", code=MODEL_OTHER)
        self.lab("strip", MODEL, "/dev/full", code=IO)
        self.assertFalse(os.path.exists(self.path("x.safetensors")))


if __name__ == "__main__":
    main()

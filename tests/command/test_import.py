"""Checkpoints in, model files that code pictures, state_dicts out."""

import json
import os
import pickle
import struct
import unittest
import zipfile

from harness import BAD_FILE, IO, MODEL, MODEL_OTHER, USAGE, CommandTest, Picture, main

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(os.environ.get("COMPASS_SHARED", os.path.join(HERE, "../../../shared")), "golden")


def header(data):
    size = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8:8 + size])


@unittest.skipUnless(os.path.isdir(GOLDEN), "no golden files here (set COMPASS_SHARED)")
class GoldenCheckpoints(CommandTest):
    def golden(self, name):
        return os.path.join(GOLDEN, name)

    def test_an_imported_system_codes_pictures(self):
        found = self.lab_json("import", self.golden("ckpt_tiny_best_model_updated.pth.tar"), "m.safetensors")
        self.assertEqual(found["notes"], [])
        self.assertIn("base: N=8 M=12, 29,213 parameters", found["found"])
        picture = Picture.smooth(97, 67)
        self.encode(picture, "--model", "m.safetensors")
        with_model = ["--model", "m.safetensors"]
        for k in range(3):
            self.assertEqual(self.decode("--layer", k, *with_model).size, [(24, 16), (48, 33), (97, 67)][k])
        # Another token rule is another model.
        self.lab("import", self.golden("ckpt_tiny_best_model_updated.pth.tar"), "first.safetensors",
                     "--el-token", "first")
        self.compass("decode", "file.cmps", "x.png", "--model", "first.safetensors", code=MODEL_OTHER)

    def test_a_lone_codec_codes_one_layer(self):
        self.lab("import", self.golden("zoo_tiny_mbt2018-mean_newkeys.pth.tar"), "m.safetensors")
        self.encode(Picture.smooth(50, 41), "--layers", 1, "--model", "m.safetensors")
        self.assertEqual(self.decode("--model", "m.safetensors").size, (50, 41))

    def test_two_files_join(self):
        whole = self.golden("ckpt_tiny_best_model_updated_legacy.pth.tar")
        self.lab("import", whole, "whole.safetensors")
        self.lab("import", self.golden("zoo_tiny_mbt2018-mean.pth.tar"), "joined.safetensors",
                     "--enhancement", whole)
        self.assertEqual(self.get("joined.safetensors"), self.get("whole.safetensors"))

    def test_export_is_the_way_back(self):
        self.lab("import", self.golden("ckpt_tiny_best_model_noCDF.pth.tar"), "m.safetensors", "--quiet")
        self.lab("export", "m.safetensors", "state.safetensors")
        names = header(self.get("state.safetensors"))
        self.assertIn("base_state_dict.entropy_bottleneck._quantized_cdf", names)
        self.assertIn("conti_sr_state_dict.RDBs.1.convs.0.conv.0.weight", names)
        self.lab("import", "state.safetensors", "again.safetensors")
        self.assertEqual(self.get("again.safetensors"), self.get("m.safetensors"))


class BadCheckpoints(CommandTest):
    def refused(self, data, message, code=BAD_FILE):
        self.put("bad.pth", data)
        self.put("out.safetensors", b"as before")
        done = self.lab("import", "bad.pth", "out.safetensors", code=code)
        self.assertIn(message, done.stderr.decode())
        self.assertIn("bad.pth", done.stderr.decode())
        self.assertEqual(self.get("out.safetensors"), b"as before")

    def archive(self, program, **options):
        with zipfile.ZipFile(self.path("a.zip"), "w", **options) as file:
            file.writestr("m/data.pkl", program)
        return self.get("a.zip")

    def test_nothing_in_a_pickle_runs(self):
        class Attack:
            def __reduce__(self):
                return os.system, ("touch owned",)

        program = pickle.dumps({"state_dict": Attack()}, protocol=2)
        self.refused(self.archive(program), "'system'")
        self.assertFalse(os.path.exists(self.path("owned")))

    def test_bombs_cuts_and_other_files(self):
        bomb = self.archive(b"\0" * (64 << 20), compression=zipfile.ZIP_DEFLATED)
        self.refused(bomb, "the limit is")
        self.refused(self.archive(pickle.dumps({}, protocol=2))[:-30], "truncated")
        self.refused(b"", "not a PyTorch checkpoint")
        self.refused(b"hello" * 100, "not a PyTorch checkpoint")
        self.refused(self.archive(pickle.dumps({"epoch": 3}, protocol=2)), "no codec found")
        with open(MODEL, "rb") as model:
            self.refused(model.read(), "model file already")

    def test_usage_and_paths(self):
        self.lab("import", "none.pth", "out.safetensors", code=IO)
        self.lab("import", ".", "out.safetensors", code=IO)
        self.put("x", b"x")
        self.lab("import", "x", "out.safetensors", "--kind", "other", code=USAGE)
        self.lab("import", "x", "out.safetensors", "--el-token", "other", code=USAGE)
        self.lab("import", "x", "out.safetensors", "--lambda", "-1", code=USAGE)
        self.lab("export", "x", "out.safetensors", code=MODEL_OTHER)


class Export(CommandTest):
    def test_a_native_model_keeps_its_own_layers_names(self):
        self.lab("export", MODEL, "state.safetensors")
        names = header(self.get("state.safetensors"))
        for name in ["base_state_dict.h_scales.0.shift", "base_state_dict.g_a.6.log_gain",
                     "residual_state_dict.entropy_bottleneck.quantiles", "conti_sr_state_dict.imnet.0.weight"]:
            self.assertIn(name, names)


if __name__ == "__main__":
    main()

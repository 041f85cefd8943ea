"""The paper's rivals as a user has them: checkpoints with a factorised prior, and systems under evaluation by their models."""

import csv
import io
import json
import random
import struct
import unittest

from harness import BAD_FILE, MODEL, USAGE, CommandTest, Picture, main


def safetensors(tensors):
    """A state_dict as a safetensors file: {key: (shape, values)}."""
    entries, data = {}, b""
    for key, (shape, values) in tensors.items():
        packed = struct.pack("<%df" % len(values), *values)
        entries[key] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + data


class StateDict:
    """Random weights of a codec in CompressAI's layout, N=2 and M=4."""

    N, M = 2, 4

    def __init__(self, seed, factorised):
        self.random, self.tensors = random.Random(seed), {}
        n, m = self.N, self.M
        down, up = [3, n, n, n, m], [m, n, n, n, 3]
        for i in range(4):
            self.layer("g_a.%d" % (2 * i), [down[i + 1], down[i], 5, 5])
            self.layer("g_s.%d" % (2 * i), [up[i], up[i + 1], 5, 5], transposed=True)
            if i < 3:
                for name in ("g_a", "g_s"):
                    self.add("%s.%d.beta" % (name, 2 * i + 1), [n], 0.9, 1.1)
                    self.add("%s.%d.gamma" % (name, 2 * i + 1), [n, n], 0.0, 0.3)
        if not factorised:
            self.layer("h_a.0", [n, m, 3, 3])
            self.layer("h_a.2", [n, n, 5, 5])
            self.layer("h_a.4", [n, n, 5, 5])
            self.layer("h_s.0", [n, m, 5, 5], transposed=True)
            self.layer("h_s.2", [m, 3 * m // 2, 5, 5], transposed=True)
            self.layer("h_s.4", [2 * m, 3 * m // 2, 3, 3])
        channels = m if factorised else n
        widths = [1, 3, 3, 3, 3, 1]
        for i in range(5):
            self.add("entropy_bottleneck._matrix%d" % i, [channels, widths[i + 1], widths[i]], 0.0, 0.5)
            self.add("entropy_bottleneck._bias%d" % i, [channels, widths[i + 1], 1], -0.5, 0.5)
            if i < 4:
                self.add("entropy_bottleneck._factor%d" % i, [channels, widths[i + 1], 1], -0.1, 0.1)
        self.tensors["entropy_bottleneck.quantiles"] = ([channels, 1, 3], [-6.0, 0.25, 7.5] * channels)

    def add(self, key, shape, low, high):
        count = 1
        for side in shape:
            count *= side
        self.tensors[key] = (shape, [self.random.uniform(low, high) for _ in range(count)])

    def layer(self, key, shape, transposed=False):
        self.add(key + ".weight", shape, -0.4, 0.4)
        self.add(key + ".bias", [shape[1 if transposed else 0]], -0.1, 0.1)

    def under(self, dictionary):
        return {"%s.%s" % (dictionary, key): value for key, value in self.tensors.items()}


def small_liff():
    """G0=2, one block of one convolution, growth 1, hidden 3."""
    liff = StateDict(3, True)
    liff.tensors = {}
    for key, shape in {"SFENet1": [2, 3, 3, 3], "SFENet2": [2, 2, 3, 3], "RDBs.0.convs.0.conv.0": [1, 2, 3, 3],
                       "RDBs.0.LFF": [2, 3, 1, 1], "GFF.0": [2, 2, 1, 1], "GFF.1": [2, 2, 3, 3], "imnet.0": [3, 22],
                       "imnet.2": [54, 3]}.items():
        liff.layer(key, shape)
    return liff.under("conti_sr_state_dict")


class Factorised(CommandTest):
    def imported(self, name="rival.safetensors", seed=1):
        self.put("state.pth", safetensors(StateDict(seed, True).tensors))
        return self.lab_json("import", "state.pth", name)

    def test_a_checkpoint_codes_pictures(self):
        found = self.imported()
        self.assertIn("factorised prior: one layer", found["found"])
        self.assertTrue(any(line.startswith("base: factorised prior, N=2 M=4") for line in found["found"]))
        for size in [(1, 1), (16, 3), (97, 67)]:
            self.encode(Picture.smooth(*size), "--layers", 1, "--model", "rival.safetensors")
            whole = self.decode("--model", "rival.safetensors")
            self.assertEqual(whole.size, size)
        part = self.decode("--model", "rival.safetensors", "--region", "40,20,30,25")
        self.assertGreater(part.psnr(whole.crop(40, 20, 30, 25)), 50)

    def test_a_decoder_alone_shows_the_same(self):
        self.imported()
        self.encode(Picture.smooth(60, 45), "--layers", 1, "--model", "rival.safetensors")
        whole = self.decode("--model", "rival.safetensors")
        self.lab("strip", "rival.safetensors", "small.safetensors")
        self.assertEqual(self.decode("--model", "small.safetensors").rgb, whole.rgb)

    def test_export_is_the_way_back(self):
        self.imported()
        self.lab("export", "rival.safetensors", "back.safetensors")
        self.lab("import", "back.safetensors", "again.safetensors", "--kind", "factorised")
        self.assertEqual(self.get("again.safetensors"), self.get("rival.safetensors"))

    def test_it_may_be_the_base_of_a_scalable_model(self):
        upper = {**StateDict(2, False).under("residual_state_dict"), **small_liff()}
        self.put("upper.pth", safetensors(upper))
        self.put("base.pth", safetensors(StateDict(1, True).tensors))
        self.lab("import", "base.pth", "all.safetensors", "--enhancement", "upper.pth")
        self.encode(Picture.smooth(90, 61), "--model", "all.safetensors")
        for k, size in enumerate([(22, 15), (45, 30), (90, 61)]):
            self.assertEqual(self.decode("--layer", k, "--model", "all.safetensors").size, size)

    def test_mixtures_are_refused_by_name(self):
        def refused(tensors, message, *options):
            self.put("bad.pth", safetensors(tensors))
            self.put("out.safetensors", b"as before")
            done = self.lab("import", "bad.pth", "out.safetensors", *options, code=BAD_FILE)
            self.assertIn(message, done.stderr.decode())
            self.assertEqual(self.get("out.safetensors"), b"as before")

        factorised, hyper = StateDict(1, True).tensors, StateDict(1, False).tensors
        refused({**factorised, "gaussian_conditional.scale_table": ([1], [1.0])}, "a mixture of kinds")
        refused({**factorised, "h_a.0.weight": hyper["h_a.0.weight"]}, "missing keys: h_a.0.bias")
        refused(factorised, "import it with --kind factorised", "--kind", "mean-scale")
        refused(hyper, "import it with --kind mean-scale", "--kind", "factorised")


class Evaluation(CommandTest):
    def evaluate(self, *options):
        self.put("picture.ppm", Picture.smooth(96, 64).ppm())
        self.lab("eval", "--images", "picture.ppm", "--out", "report", "--cache", "cache", "--quiet", *options)
        return list(csv.reader(io.StringIO(self.get("report/results.csv").decode())))

    def rows_of(self, table, codec):
        return [row for row in table if codec in row]

    def test_a_one_layer_rival_takes_part(self):
        for seed in (1, 2):
            self.put("state.pth", safetensors(StateDict(seed, True).tensors))
            self.lab("import", "state.pth", "%d.safetensors" % seed)
        table = self.evaluate("--rival", "factorised=1.safetensors,2.safetensors")
        self.assertTrue(self.rows_of(table, "factorised"))
        self.assertIn("kMAC/px", " ".join(cell for row in table for cell in row))
        self.assertIn("factorised", self.get("report/summary.txt").decode())

    def test_a_layered_rival_stands_beside_the_model(self):
        table = self.evaluate("--rival", "tiny=" + MODEL, "--codecs", "compass", "--model", MODEL, "--qualities", "50")
        self.assertTrue(self.rows_of(table, "tiny"))
        self.assertTrue(self.rows_of(table, "compass"))

    def test_pictures_of_one_s_choice_are_shown(self):
        self.evaluate("--codecs", "compass", "--model", MODEL, "--qualities", "50", "--samples", "picture.ppm")
        self.assertIn("<h3>picture.ppm</h3>", self.get("report/index.html").decode())
        figure = self.get("report/figures/x1.0_x2.0_x4.0.svg").decode()
        self.assertIn('<svg xmlns="http://www.w3.org/2000/svg"', figure)
        self.assertIn("compass, one stream", figure)
        done = self.lab("eval", "--images", "picture.ppm", "--samples", "kodim01.png", code=USAGE)
        self.assertIn("'kodim01.png' is none of the pictures", done.stderr.decode())

    def test_memory_is_measured_by_the_command_beside_this_one(self):
        table = self.evaluate("--codecs", "compass", "--model", MODEL, "--qualities", "50")
        text = " ".join(cell for row in table for cell in row)
        self.assertIn("MiB to encode", text)
        self.assertNotIn("peak memory of compass", text)

    def test_what_is_no_rival_is_refused(self):
        self.put("picture.ppm", Picture.smooth(96, 64).ppm())
        self.put("state.pth", safetensors(StateDict(1, True).tensors))
        self.lab("import", "state.pth", "one.safetensors")
        for rival, message in [("=one.safetensors", "is not NAME=MODEL"), ("x", "is not NAME=MODEL"),
                               ("x=", "is not NAME=MODEL"),
                               ("x=one.safetensors," + MODEL, "one.safetensors is a one-layer codec with a factorised")]:
            done = self.lab("eval", "--images", "picture.ppm", "--rival", rival, code=USAGE)
            self.assertIn(message, done.stderr.decode())


if __name__ == "__main__":
    main()

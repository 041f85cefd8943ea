#!/usr/bin/env python3
"""Makes ../data/wide.safetensors of ../data/tiny.safetensors: networks of 32 channels with random weights.

Convolutions of fewer channels never go by Winograd's algorithm, whose roundings exact pixels depend on. The base codec
has the paper's ops, transposed convolutions and GDN. Hyper networks, tables and loop filters stay as they are.
"""

import json
import os
import struct

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data")
WIDTH, LATENTS, POINTS = 32, 12, 3


class Random:
    """Numbers from -1 to 1, the same wherever this runs."""

    def __init__(self):
        self.state = 1

    def __call__(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2 ** 64
        return (self.state >> 40) / 2 ** 23 - 1.0


RANDOM = Random()


class Tensors(dict):
    def floats(self, name, shape, value):
        count = 1
        for side in shape:
            count *= side
        self[name] = ("F16", shape, struct.pack("<%de" % count, *[value(i) for i in range(count)]))

    def weights(self, name, shape, fan_in, gain=1.0):
        """Of a convolution, in 8 bits: uniform, so that outputs are about `gain` times as large as inputs."""
        count = 1
        for side in shape:
            count *= side
        step = gain * (3.0 / fan_in) ** 0.5 / 127
        self[name] = ("I8", shape, struct.pack("%db" % count, *[round(127 * RANDOM()) for _ in range(count)]))
        self[name + ".step"] = ("F32", shape[:1], struct.pack("<f", step) * shape[0])

    def conv(self, name, out, inputs, kernel, gain=1.0):
        self.weights(name + "weight", [out, inputs, kernel, kernel], inputs * kernel ** 2, gain)
        self.floats(name + "bias", [out], lambda _: 0.05 * RANDOM())

    def op(self, name, op):
        gain = op.pop("gain", 1.0)
        if op["op"] in ("conv", "condition"):
            area = op["factor"] ** 2 if op["op"] == "condition" else 1
            self.conv(name, op["out"], op["in"] * area, op.get("kernel", 1), gain)
        elif op["op"] == "subpel":
            self.conv(name, op["out"] * op["factor"] ** 2, op["in"], op["kernel"], gain)
        elif op["op"] == "deconv":
            self.weights(name + "weight", [op["in"], op["out"], 5, 5], op["in"] * 25 / 4, gain)
            self.floats(name + "bias", [op["out"]], lambda _: 0.05 * RANDOM())
        elif op["op"] == "res":
            self.conv(name + "conv1.", op["hidden"], op["channels"], 3)
            self.conv(name + "conv2.", op["channels"], op["hidden"], 3, 0.3)
        elif op["op"] in ("gdn", "igdn"):
            n = op["channels"]
            self.floats(name + "beta", [n], lambda _: 1.0 + 0.1 * RANDOM())
            self.floats(name + "gamma", [n, n], lambda i: 0.3 if i % (n + 1) == 0 else 0.05 * abs(RANDOM()))
        elif op["op"] == "rate_gain":
            n = op["channels"]
            sign = -1 if ".g_s." in name else 1
            self.floats(name + "log_gain", [POINTS, n], lambda i: sign * (1.0 + 0.7 * (i // n)))


def base_codec():
    down = lambda inputs, out: {"op": "conv", "in": inputs, "out": out, "kernel": 5, "stride": 2, "align": 2}
    up = lambda inputs, out, gain=1.0: {"op": "deconv", "in": inputs, "out": out, "kernel": 5, "stride": 2, "gain": gain}
    gain = {"op": "rate_gain", "channels": LATENTS}
    gdn = lambda kind: {"op": kind, "channels": WIDTH}
    return {"g_a": [down(3, WIDTH), gdn("gdn"), down(WIDTH, WIDTH), gdn("gdn"), down(WIDTH, LATENTS), gain],
            "g_s": [dict(gain), up(LATENTS, WIDTH), gdn("igdn"), up(WIDTH, WIDTH), gdn("igdn"), up(WIDTH, 3, 0.3)]}


def enhancement_codec():
    gain = {"op": "rate_gain", "channels": LATENTS}
    condition = lambda: {"op": "condition", "factor": 4, "in": 3, "out": WIDTH, "gain": 0.3}
    block = lambda: {"op": "res", "channels": WIDTH, "hidden": WIDTH, "kernel": 3, "act": "leaky_relu"}
    return {"g_a": [{"op": "unshuffle", "factor": 4},
                    {"op": "conv", "in": 48, "out": WIDTH, "kernel": 1, "stride": 1, "align": 1}, condition(), block(),
                    {"op": "conv", "in": WIDTH, "out": LATENTS, "kernel": 3, "stride": 2, "align": 2}, gain],
            "g_s": [dict(gain), {"op": "subpel", "in": LATENTS, "out": WIDTH, "kernel": 3, "factor": 2}, condition(),
                    block(), block(), {"op": "subpel", "in": WIDTH, "out": 3, "kernel": 3, "factor": 4, "gain": 0.2}]}


def add_liff(tensors):
    liff = {"g0": WIDTH, "blocks": 2, "convs": 2, "growth": 16, "hidden": [16, 16], "residual": "bicubic"}
    conv = lambda name, out, inputs, kernel, gain=1.0: tensors.conv("liff.%s." % name, out, inputs, kernel, gain)
    conv("sfe1", WIDTH, 3, 3)
    conv("sfe2", WIDTH, WIDTH, 3)
    for b in range(2):
        conv("rdb.%d.conv.0" % b, 16, WIDTH, 3, 1.4)
        conv("rdb.%d.conv.1" % b, 16, WIDTH + 16, 3, 1.4)
        conv("rdb.%d.fuse" % b, WIDTH, WIDTH + 32, 1, 0.3)
    conv("gff1", WIDTH, 2 * WIDTH, 1, 0.7)
    conv("gff2", WIDTH, WIDTH, 3, 0.5)
    inputs = 9 * WIDTH + 4
    for i, out in enumerate([16, 16, 27 * WIDTH]):
        tensors.weights("liff.mlp.%d.weight" % i, [out, inputs], inputs, 0.05 if i == 2 else 1.4)
        tensors.floats("liff.mlp.%d.bias" % i, [out], lambda _: 0.002 * RANDOM())
        inputs = out
    return liff


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    size, = struct.unpack_from("<Q", data)
    header = json.loads(data[8:8 + size])
    metadata = header.pop("__metadata__")
    body = data[8 + size:]
    return metadata, {name: (t["dtype"], t["shape"], body[slice(*t["data_offsets"])]) for name, t in header.items()}


def write(path, metadata, tensors):
    bytes_of = {"F32": 4, "I32": 4, "F16": 2, "U16": 2, "I8": 1}
    header, body = {"__metadata__": metadata}, b""
    for name, (dtype, shape, data) in sorted(tensors.items(), key=lambda t: (-bytes_of[t[1][0]], t[0])):
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)


def main():
    metadata, kept = read(os.path.join(DATA, "tiny.safetensors"))
    description = json.loads(metadata["compass"])
    replaced = ("base.g_a.", "base.g_s.", "enhancement.g_a.", "enhancement.g_s.", "liff.")
    tensors = Tensors((name, tensor) for name, tensor in kept.items() if not name.startswith(replaced))
    for codec, networks in ("base", base_codec()), ("enhancement", enhancement_codec()):
        for network, ops in networks.items():
            for i, op in enumerate(ops):
                tensors.op("%s.%s.%d." % (codec, network, i), op)
        description[codec].update(networks)
    description["liff"] = add_liff(tensors)
    description["name"] = "wide"
    metadata["compass"] = json.dumps(description, separators=(",", ":"), sort_keys=True)
    write(os.path.join(DATA, "wide.safetensors"), metadata, tensors)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""The paper's networks in plain Python, to test the fast ones against.

    make_golden.py OUT.safetensors      makes weights and a picture from a seed, and every tensor on their way
    make_golden.py --check FILE         makes them again and compares; exit code 1 names the first that differs

Two codecs and LIFF as the paper describes them (docs/model_format.md says the same), with narrow maps and three
layers whose sides are odd and whose factors are 1, 1.5 and more. Nothing here is shared with the C++ code: lists of
lists, double precision, loops that follow the formulas. Tensors have the names that the reference implementation's
have in the shared golden files. Maps are lists of channels, each a list of rows.
"""
import json
import math
import random
import struct
import sys

N, M = 8, 12                     # channels of inner maps and of latents
G0, GROWTH, BLOCKS, CONVS = 8, 4, 2, 2
HIDDEN = [16, 16, 16, 16]
SIZES = [(13, 17), (13, 25), (37, 66)]  # (height, width) of the layers
PEDESTAL = 2.0**-36


def f32(value):
    return struct.unpack('<f', struct.pack('<f', value))[0]


# ---- weights ------------------------------------------------------------------------------------------------------


class Weights:
    """Tensors by name, flat, as float32; made from a seed at first use."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.floats, self.integers = {}, {}

    def add(self, name, shape, values):
        self.floats[name] = (list(shape), [f32(v) for v in values])

    def add_conv(self, name, shape, inputs, outputs, gain=1.3):
        """Weights of `shape` whose sums over `inputs` values of deviation 1 have a deviation near `gain`."""
        weight = (self.random.gauss(0, gain / math.sqrt(inputs)) for _ in range(math.prod(shape)))
        self.add(f'{name}.weight', shape, weight)
        self.add(f'{name}.bias', [outputs], (self.random.gauss(0, gain / 13) for _ in range(outputs)))


def make_codec(weights, name):
    def conv(op, inputs, outputs, kernel, gain=1.3):
        weights.add_conv(f'{name}.{op}', [outputs, inputs, kernel, kernel], inputs * kernel**2, outputs, gain)

    def deconv(op, inputs, outputs, gain=1.3):  # every output sums a quarter of the 25 places
        weights.add_conv(f'{name}.{op}', [inputs, outputs, 5, 5], inputs * 25 / 4, outputs, gain)

    def gdn(op):  # stored as the square roots that files keep
        weights.add(f'{name}.{op}.beta', [N], (math.sqrt(weights.random.uniform(.5, 1.5) + PEDESTAL) for _ in range(N)))
        gamma = [weights.random.uniform(0, .2) if i != j else weights.random.uniform(.1, .4) for i in range(N) for j in range(N)]
        gamma[1] = 0.0  # the smallest value that files can hold
        weights.add(f'{name}.{op}.gamma', [N, N], (math.sqrt(g + PEDESTAL) for g in gamma))

    for i, (inputs, outputs) in enumerate([(3, N), (N, N), (N, N), (N, M)]):
        conv(f'g_a.{2 * i}', inputs, outputs, 5, 8 if outputs == M else 1.3)  # symbols that are not all 0
    for i, (inputs, outputs) in enumerate([(M, N), (N, N), (N, N), (N, 3)]):
        deconv(f'g_s.{2 * i}', inputs, outputs, .45)  # maps that grow no further through IGDN
    for i in (1, 3, 5):
        gdn(f'g_a.{i}')
        gdn(f'g_s.{i}')
    conv('h_a.0', M, N, 3)
    conv('h_a.2', N, N, 5)
    conv('h_a.4', N, N, 5, 4)
    deconv('h_s.0', N, M)
    deconv('h_s.2', M, 3 * M // 2)
    conv('h_s.4', 3 * M // 2, 2 * M, 3, 4)
    add_hyper_tables(weights, f'{name}.entropy_bottleneck')


def add_hyper_tables(weights, name):
    """z's tables: a logistic distribution for each channel, 16 bits, its median in the middle of the quantiles."""
    span = 12  # symbols -span..span, then the escape
    cdfs, quantiles = [], []
    for _ in range(N):
        width, median = weights.random.uniform(.6, 2), weights.random.uniform(-1, 1)
        below = [1 / (1 + math.exp(-(s - .5) / width)) for s in range(-span, span + 2)]
        room = 65536 - (2 * span + 2)  # every slot gets 1 of 65536 at least
        cdfs += [0] + [round((b - below[0]) / (1.001 - below[0]) * room) + i for i, b in enumerate(below)][1:] + [65536]
        quantiles += [median - span, median, median + span]
    weights.integers[f'{name}._quantized_cdf'] = ([N, 2 * span + 3], cdfs)
    weights.integers[f'{name}._cdf_length'] = ([N], [2 * span + 3] * N)
    weights.integers[f'{name}._offset'] = ([N], [-span] * N)
    weights.add(f'{name}.quantiles', [N, 1, 3], quantiles)


def make_liff(weights):
    def conv(op, inputs, outputs, kernel):
        weights.add_conv(f'liff.{op}', [outputs, inputs, kernel, kernel], inputs * kernel**2, outputs, 1)

    conv('SFENet1', 3, G0, 3)
    conv('SFENet2', G0, G0, 3)
    for b in range(BLOCKS):
        for i in range(CONVS):
            conv(f'RDBs.{b}.convs.{i}.conv.0', G0 + i * GROWTH, GROWTH, 3)
        conv(f'RDBs.{b}.LFF', G0 + CONVS * GROWTH, G0, 1)
    conv('GFF.0', BLOCKS * G0, G0, 1)
    conv('GFF.1', G0, G0, 3)
    widths = [9 * G0 + 4] + HIDDEN + [27 * G0]
    for i in range(len(widths) - 1):
        gain = .15 if i == len(HIDDEN) else 1.3  # 9*G0 of its outputs are summed for a sample
        weights.add_conv(f'liff.imnet.{2 * i}', [widths[i + 1], widths[i]], widths[i], widths[i + 1], gain)


# ---- operations ---------------------------------------------------------------------------------------------------


def size(x):
    return len(x[0]), len(x[0][0])


def zeros(channels, height, width):
    return [[[0.0] * width for _ in range(height)] for _ in range(channels)]


def pad_to_even(x):
    """Repeats the first row and column where a side is odd. Also returns which (top, left)."""
    height, width = size(x)
    top, left = height % 2, width % 2
    padded = [[row[:left] + row for row in channel] for channel in x]
    return [channel[:top] + channel for channel in padded], (top, left)


def conv(weights, name, x, stride=1):
    (outputs, inputs, kernel, _), values = weights.floats[f'{name}.weight']
    bias = weights.floats[f'{name}.bias'][1]
    height, width = size(x)
    half = kernel // 2
    padded = [[[0.0] * (width + 2 * half)] * half + [[0.0] * half + row + [0.0] * half for row in channel] +
              [[0.0] * (width + 2 * half)] * half for channel in x]
    out_height, out_width = (height - 1) // stride + 1, (width - 1) // stride + 1
    result = []
    for o in range(outputs):
        rows = [[bias[o]] * out_width for _ in range(out_height)]
        for i in range(inputs):
            for ky in range(kernel):
                for kx in range(kernel):
                    w = values[((o * inputs + i) * kernel + ky) * kernel + kx]
                    for y in range(out_height):
                        line = padded[i][y * stride + ky]
                        rows[y] = [a + w * b for a, b in zip(rows[y], line[kx:kx + (out_width - 1) * stride + 1:stride])]
        result.append(rows)
    return result


def deconv(weights, name, x):
    """Kernel 5, stride 2, padding 2, output padding 1: input pixel (y, x) adds to outputs (2y+ky-2, 2x+kx-2)."""
    (inputs, outputs, kernel, _), values = weights.floats[f'{name}.weight']
    bias = weights.floats[f'{name}.bias'][1]
    height, width = size(x)
    result = [[[bias[o]] * (2 * width) for _ in range(2 * height)] for o in range(outputs)]
    for i in range(inputs):
        for o in range(outputs):
            for ky in range(kernel):
                for kx in range(kernel):
                    w = values[((i * outputs + o) * kernel + ky) * kernel + kx]
                    for y in range(height):
                        if not 0 <= 2 * y + ky - 2 < 2 * height:
                            continue
                        line = result[o][2 * y + ky - 2]
                        for c, value in enumerate(x[i][y]):
                            if 0 <= 2 * c + kx - 2 < 2 * width:
                                line[2 * c + kx - 2] += w * value
    return result


def gdn(weights, name, x, inverse):
    beta = [max(b, math.sqrt(1e-6 + PEDESTAL))**2 - PEDESTAL for b in weights.floats[f'{name}.beta'][1]]
    gamma = [max(g, 2.0**-18)**2 - PEDESTAL for g in weights.floats[f'{name}.gamma'][1]]
    channels = len(x)
    height, width = size(x)
    result = zeros(channels, height, width)
    for y in range(height):
        for c in range(width):
            squares = [x[j][y][c]**2 for j in range(channels)]
            for i in range(channels):
                norm = math.sqrt(beta[i] + sum(gamma[i * channels + j] * squares[j] for j in range(channels)))
                result[i][y][c] = x[i][y][c] * norm if inverse else x[i][y][c] / norm
    return result


def each(function, *maps):
    return [[[function(*v) for v in zip(*rows)] for rows in zip(*channels)] for channels in zip(*maps)]


def leaky_relu(x):
    return each(lambda v: v if v > 0 else .01 * v, x)


def relu(x):
    return each(lambda v: max(v, 0.0), x)


def add(a, b):
    return each(lambda u, v: u + v, a, b)


def round_half_even(value):
    return int(round(value))  # as Python 3 rounds


# ---- one codec ----------------------------------------------------------------------------------------------------


def analysis(weights, name, x):
    """g_a. Returns y, the output of every op, and the padding in front of every convolution."""
    outputs, flags = [], []
    for i in range(7):
        if i % 2 == 0:
            x, padded = pad_to_even(x)
            flags += padded
            x = conv(weights, f'{name}.g_a.{i}', x, 2)
        else:
            x = gdn(weights, f'{name}.g_a.{i}', x, False)
        outputs.append(x)
    return x, outputs, flags


def hyper_analysis(weights, name, y):
    flags = []
    for op, stride in (('h_a.0', 1), ('h_a.2', 2), ('h_a.4', 2)):
        y, padded = pad_to_even(y)
        flags += padded
        y = conv(weights, f'{name}.{op}', y, stride)
        if op != 'h_a.4':
            y = leaky_relu(y)
    return y, flags


def crop(x, flags):
    return [[row[flags[1]:] for row in channel[flags[0]:]] for channel in x]


def hyper_synthesis(weights, name, z_hat, flags):
    """h_s: scales and means of y. The padding of h_a is dropped behind the op that mirrors it."""
    x = leaky_relu(crop(deconv(weights, f'{name}.h_s.0', z_hat), flags[4:6]))
    x = leaky_relu(crop(deconv(weights, f'{name}.h_s.2', x), flags[2:4]))
    x = crop(conv(weights, f'{name}.h_s.4', x), flags[0:2])
    return x[:M], x[M:]


def synthesis(weights, name, y_hat, flags):
    outputs = []
    for i in range(7):
        if i % 2 == 0:
            mirror = 6 - i
            y_hat = crop(deconv(weights, f'{name}.g_s.{i}', y_hat), flags[mirror:mirror + 2])
        else:
            y_hat = gdn(weights, f'{name}.g_s.{i}', y_hat, True)
        outputs.append(y_hat)
    return y_hat, outputs


def scale_index(scale, table):
    bounded = max(f32(scale), f32(.11))
    return next((i for i, t in enumerate(table) if bounded <= t), 63)


def code(weights, name, prefix, x, tensors):
    """One layer through its codec; returns x_hat."""
    y, steps, ga_flags = analysis(weights, name, x)
    z, ha_flags = hyper_analysis(weights, name, y)
    medians = weights.floats[f'{name}.entropy_bottleneck.quantiles'][1][1::3]
    z_symbols = [[[round_half_even(v - m) for v in row] for row in channel] for channel, m in zip(z, medians)]
    z_hat = [[[s + m for s in row] for row in channel] for channel, m in zip(z_symbols, medians)]
    scales, means = hyper_synthesis(weights, name, z_hat, ha_flags)
    table = [f32(math.exp(math.log(.11) + i * (math.log(256) - math.log(.11)) / 63)) for i in range(64)]
    y_symbols = each(lambda v, m: round_half_even(v - m), y, means)
    y_hat = add(y_symbols, means)
    x_hat, undone = synthesis(weights, name, y_hat, ga_flags)
    tensors.add_integers(f'{prefix}.flags_ga', [4, 2], ga_flags)
    tensors.add_integers(f'{prefix}.flags_ha', [3, 2], ha_flags)
    for op, output in enumerate(steps[:-1]):  # the last is y
        tensors.add_map(f'{prefix}.ga{op}', output)
    for op, output in enumerate(undone[:-1]):
        tensors.add_map(f'{prefix}.gs{op}', output)
    maps = {'x': x, 'y': y, 'z': z, 'scales': scales, 'means': means, 'y_hat': y_hat, 'x_hat': x_hat}
    for key, value in maps.items():
        tensors.add_map(f'{prefix}.{key}', value)
    tensors.add_map(f'{prefix}.z_sym', z_symbols, True)
    tensors.add_map(f'{prefix}.y_sym', y_symbols, True)
    tensors.add_map(f'{prefix}.y_idx', each(lambda s: scale_index(s, table), scales), True)
    return x_hat


# ---- LIFF ---------------------------------------------------------------------------------------------------------


def liff_features(weights, x):
    first = conv(weights, 'liff.SFENet1', x)
    x = conv(weights, 'liff.SFENet2', first)
    outputs = []
    for b in range(BLOCKS):
        dense = x
        for i in range(CONVS):
            dense = dense + relu(conv(weights, f'liff.RDBs.{b}.convs.{i}.conv.0', dense))
        x = add(conv(weights, f'liff.RDBs.{b}.LFF', dense), x)
        outputs += x
    return add(conv(weights, 'liff.GFF.1', conv(weights, 'liff.GFF.0', outputs)), first)


def nearest(sources, targets):
    """The authors' rule in float32: the source pixel of every target pixel, and how far off its centre is."""

    def centre(i, count):
        return f32(f32(-1 + 1 / count) + f32(f32(2 / count) * i))

    indexes, relative = [], []
    edge = f32(1 - f32(1e-6))
    for i in range(targets):
        at = centre(i, targets)
        clamped = min(max(at, -edge), edge)
        position = f32(f32(f32(clamped + 1) * f32(f32(sources) / 2)) - .5)
        indexes.append(min(max(round_half_even(position), 0), sources - 1))
        relative.append(f32(f32(at - centre(indexes[-1], sources)) * sources))
    return indexes, relative


def perceptron(weights, row):
    for i in range(len(HIDDEN) + 1):
        (outputs, inputs), values = weights.floats[f'liff.imnet.{2 * i}.weight']
        bias = weights.floats[f'liff.imnet.{2 * i}.bias'][1]
        row = [bias[o] + sum(map(float.__mul__, values[o * inputs:(o + 1) * inputs], row)) for o in range(outputs)]
        if i < len(HIDDEN):
            row = [max(v, 0.0) for v in row]
    return row


def liff(weights, prefix, below, target, tensors):
    """The picture of size `target` that LIFF predicts, pixel by pixel: its own weights for each, times features."""
    features = liff_features(weights, below)
    height, width = size(below)
    iy, rel_y = nearest(height, target[0])
    ix, rel_x = nearest(width, target[1])
    token = [2 * height / target[0], 2 * width / target[1]]
    around = [[[0.0] * (width + 2)] + [[0.0] + row + [0.0] for row in channel] + [[0.0] * (width + 2)]
              for channel in features]
    out = zeros(3, *target)
    for y in range(target[0]):
        for x in range(target[1]):
            q = [v for channel in around for ky in range(3) for v in channel[iy[y] + ky][ix[x]:ix[x] + 3]]
            pixel_weights = perceptron(weights, q + [rel_y[y], rel_x[x]] + token)
            for c in range(3):
                out[c][y][x] = sum(map(float.__mul__, q, pixel_weights[c::3]))
    tensors.add_map(f'{prefix}.in', below)
    tensors.add_integers(f'{prefix}.target_hw', [2], target)
    tensors.add_map(f'{prefix}.feat', features)
    tensors.add_integers(f'{prefix}.src_iy', [target[0]], iy)
    tensors.add_integers(f'{prefix}.src_ix', [target[1]], ix)
    tensors.floats[f'{prefix}.rel_y'] = ([target[0]], rel_y)
    tensors.floats[f'{prefix}.rel_x'] = ([target[1]], rel_x)
    tensors.floats[f'{prefix}.rel_cell'] = ([2], token)
    tensors.add_map(f'{prefix}.out', out)
    return out


# ---- the file -----------------------------------------------------------------------------------------------------


class Tensors:
    def __init__(self):
        self.floats, self.integers = {}, {}

    def add_map(self, name, x, integers=False):
        kind = self.integers if integers else self.floats
        kind[name] = ([1, len(x), *size(x)], [v for channel in x for row in channel for v in row])

    def add_integers(self, name, shape, values):
        self.integers[name] = (shape, list(values))

    def add_weights(self, weights):
        for name, value in weights.floats.items():
            self.floats[f'w.{name}'] = value
        for name, value in weights.integers.items():
            self.integers[f'w.{name}'] = value

    def to_bytes(self):
        header, data = {}, b''
        for tensors, dtype, letter in ((self.floats, 'F32', 'f'), (self.integers, 'I32', 'i')):
            for name, (shape, values) in sorted(tensors.items()):
                packed = struct.pack(f'<{len(values)}{letter}', *values)
                header[name] = {'dtype': dtype, 'shape': shape, 'data_offsets': [len(data), len(data) + len(packed)]}
                data += packed
        text = json.dumps(header, separators=(',', ':')).encode()
        text += b' ' * (-len(text) % 8)
        return struct.pack('<Q', len(text)) + text + data


def make():
    """Layers of one smooth picture with noise, coded one after the other."""
    weights = Weights(20231002)
    make_codec(weights, 'base')
    make_codec(weights, 'res')
    make_liff(weights)
    tensors = Tensors()
    tensors.add_weights(weights)
    noise = random.Random(7)

    def picture(height, width):
        return [[[f32(round(255 * min(max(
            .5 + .3 * math.sin((3 + c) * y / height + c) * math.cos(5 * x / width) + noise.gauss(0, .08), 0), 1)) / 255)
                  for x in range(width)] for y in range(height)] for c in range(3)]

    reconstruction = code(weights, 'base', 'bl', picture(*SIZES[0]), tensors)
    for k in (1, 2):
        prediction = liff(weights, f'liff{k}', reconstruction, SIZES[k], tensors)
        residual = each(lambda a, b: a - b, picture(*SIZES[k]), prediction)
        reconstruction = add(prediction, code(weights, 'res', f'el{k}', residual, tensors))
    return tensors


def read(path):
    with open(path, 'rb') as file:
        data = file.read()
    (length,) = struct.unpack('<Q', data[:8])
    header = json.loads(data[8:8 + length])
    for name, entry in header.items():
        begin, end = (8 + length + o for o in entry['data_offsets'])
        letter = {'F32': 'f', 'I32': 'i'}[entry['dtype']]
        yield name, entry['shape'], struct.unpack(f'<{(end - begin) // 4}{letter}', data[begin:end])


def check(path):
    made = make()
    wanted = made.floats | made.integers
    found = {name: (shape, values) for name, shape, values in read(path)}
    if found.keys() != wanted.keys():
        return f'other tensors: {sorted(found.keys() ^ wanted.keys())}'
    for name, (shape, values) in found.items():
        if shape != list(wanted[name][0]):
            return f'{name} has another shape'
        # Machines' exp and sqrt may differ in the last digit.
        scale = max(map(abs, values), default=0) if name in made.floats else 0
        if any(abs(a - b) > 1e-6 * scale for a, b in zip(values, wanted[name][1])):
            return f'{name} has other values'
    return ''


if __name__ == '__main__':
    if len(sys.argv) == 3 and sys.argv[1] == '--check':
        difference = check(sys.argv[2])
        sys.exit(f'{sys.argv[2]}: {difference}' if difference else 0)
    if len(sys.argv) != 2 or sys.argv[1].startswith('-'):
        sys.exit(__doc__)
    with open(sys.argv[1], 'wb') as out:
        out.write(make().to_bytes())

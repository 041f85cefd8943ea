"""What the Python package takes beyond the C interface: the same calls made both ways, in turn, on one thread; the least
of each in CPU time.

    PYTHONPATH=PACKAGE bench/python_overhead.py LIBCOMPASS.SO MODEL WIDTHxHEIGHT [ROUNDS]
"""
import ctypes
import sys
import time

import numpy

import compass

library = ctypes.CDLL(sys.argv[1])
model_path, side = sys.argv[2], sys.argv[3]
width, height = map(int, side.split('x'))
rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 15


class Options(ctypes.Structure):
    _fields_ = [('struct_size', ctypes.c_size_t), ('threads', ctypes.c_int), ('precision', ctypes.c_int),
                ('max_pixels', ctypes.c_uint64), ('max_memory', ctypes.c_uint64), ('shared_threads', ctypes.c_void_p)]


class Bytes(ctypes.Structure):
    _fields_ = [('data', ctypes.c_void_p), ('size', ctypes.c_size_t)]


class Error(ctypes.Structure):
    _fields_ = [('message', ctypes.c_char * 512)]


def call(name, *arguments):
    error = Error()
    status = getattr(library, name)(*arguments, ctypes.byref(error))
    assert status == 0, error.message


def made(create, *arguments):
    handle = ctypes.c_void_p()
    call(create, *arguments, ctypes.byref(handle))
    return handle


options = Options()
library.compass_options_init(ctypes.byref(options))
options.threads = 1
model = made('compass_model_load', model_path.encode())
encoder = made('compass_encoder_create', model, ctypes.byref(options))
decoder = made('compass_decoder_create', model, ctypes.byref(options))


def c_encode(pixels):
    file = Bytes()
    call('compass_encode', encoder, ctypes.c_void_p(pixels.ctypes.data), width, height, ctypes.c_size_t(3 * width), None,
         ctypes.byref(file))
    data = ctypes.string_at(file.data, file.size)
    library.compass_bytes_free(ctypes.byref(file))
    return data


def c_decode(data):
    picture = ctypes.create_string_buffer(256)  # longer than a compass_picture
    call('compass_decode', decoder, data, ctypes.c_size_t(len(data)), None, picture)
    library.compass_picture_free(picture)


python_model = compass.load_model(model_path)
y, x = numpy.mgrid[0:height, 0:width]
noise = numpy.random.default_rng(1).normal(0, 6, (height, width, 3))
pixels = numpy.clip(127 + 90 * numpy.sin(x / 17) * numpy.cos(y / 11) + noise.transpose(2, 0, 1), 0, 255)
pixels = numpy.ascontiguousarray(pixels.transpose(1, 2, 0).astype(numpy.uint8))
file = c_encode(pixels)
assert file == compass.encode(pixels, model=python_model, threads=1)
ways = {'encode': (lambda: c_encode(pixels), lambda: compass.encode(pixels, model=python_model, threads=1)),
        'decode': (lambda: c_decode(file), lambda: compass.decode(file, model=python_model, threads=1))}
for name, pair in ways.items():
    least = [1e9, 1e9]
    for _ in range(rounds if name == 'decode' else max(3, rounds // 3)):
        for i, work in enumerate(pair):
            before = time.process_time()
            work()
            least[i] = min(least[i], 1e3 * (time.process_time() - before))
    print(f'{name} {side}: C {least[0]:.2f} ms, Python {least[1]:.2f} ms, more by {least[1] - least[0]:.2f} ms')

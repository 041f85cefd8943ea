"""COMPASS: one photo, one file, every size.

    import compass
    data = compass.encode(pixels)                    # pixels: uint8 [height, width, 3] or [height, width], sRGB
    compass.read_info(data).layers                   # sizes and where they end: a prefix is the smaller picture
    compass.decode(data)                             # the largest layer, uint8 [height, width, 3]
    compass.decode(data, layer=0)                    # the smallest
    compass.decode(data, size=(640, 480))            # any size
    compass.decode(data, region=(100, 80, 256, 256)) # a part: x, y, width, height

Files are decoded with the model that made them. The one that is used unless you name another comes with this package;
others are looked for in the places that the environment variable COMPASS_MODEL_PATH lists, as the `compass` command does.

Everything here may be called from several threads at once; Python's lock is not held while pictures are coded.
"""
from __future__ import annotations

import enum
import os
import pathlib
import threading
import typing

import numpy

from . import _native

__all__ = ['Error', 'Info', 'Layer', 'Model', 'Status', 'decode', 'encode', 'load_model', 'read_info', 'read_metadata']
__version__ = _native.version()

_DEFAULT_EFFORT = -1
_SHIPPED = 'lite.safetensors'


class Status(enum.IntEnum):
    """Kinds of failures. The numbers are the command's exit codes."""

    FAILURE = 1
    USAGE = 2
    BAD_FILE = 3
    DAMAGED = 4
    MODEL = 5
    IO = 6


class Error(Exception):
    """What went wrong, in one line; `status` is its kind."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = Status(status)


_native.raise_with(Error)


class Layer(typing.NamedTuple):
    """One of a file's sizes. Its bytes are [offset, end); the file's first `end` bytes hold all it needs."""

    width: int
    height: int
    quality: float
    offset: int
    end: int


class Info(typing.NamedTuple):
    """What a file's header says. `decoder` is the decoder_id of the models that decode it."""

    decoder: str
    minor_version: int
    layers: tuple[Layer, ...]

    @property
    def size(self):
        """(width, height) of the largest layer."""
        return self.layers[-1].width, self.layers[-1].height


class Model:
    """A model file's networks and tables. Any number of threads may use one."""

    def __init__(self, path):
        self._native = _native.Model(os.fspath(path))

    @property
    def name(self) -> str:
        return self._native.name

    @property
    def id(self) -> str:
        """16 hexadecimal digits: models with the same id are the same."""
        return self._native.id.hex()

    @property
    def decoder_id(self) -> str:
        """The same of what decoding needs alone, which files name: models with the same one decode the same files."""
        return self._native.decoder_id.hex()

    def __repr__(self):
        return f'<compass.Model {self.name} {self.id}>'


_models = {}  # by real path
_models_lock = threading.Lock()


def load_model(path=None) -> Model:
    """The model of a file, or the one that is used by default. Each file is read once."""
    path = os.path.realpath(path if path is not None else _shipped_model())
    with _models_lock:
        if path not in _models:
            _models[path] = Model(path)
        return _models[path]


def _places():
    places = [p for p in os.environ.get('COMPASS_MODEL_PATH', '').split(':') if p]
    return places + [str(pathlib.Path(__file__).parent / 'models')]


def _model_files():
    for place in map(pathlib.Path, _places()):
        if place.is_file():
            yield place
        else:  # the shipped one first
            yield from sorted(place.glob('*.safetensors'), key=lambda p: (p.name != _SHIPPED, p.name))


def _shipped_model():
    for path in _model_files():
        if path.name == _SHIPPED or str(path) in _places():
            return path
    raise Error(Status.MODEL, f'no {_SHIPPED} in {", ".join(_places())}; name a model, or its folder in COMPASS_MODEL_PATH')


def _model_for(decoder):
    found = []
    for path in _model_files():
        try:
            model = load_model(path)
        except Error:
            continue  # a broken neighbour does not matter if another file fits
        if model.decoder_id == decoder:
            return model
        found.append(f'{path} ({model.decoder_id})')
    raise Error(Status.MODEL, f'needs decoder {decoder}, not those of {", ".join(found) or ", ".join(_places())}; '
                'name the model that made it, or its folder in COMPASS_MODEL_PATH')


def _rows(pixels):
    """The pixels as rows of red, green, blue in memory; copied only if they are not."""
    pixels = numpy.asarray(pixels)
    if pixels.dtype != numpy.uint8:
        raise Error(Status.USAGE, f'pixels are {pixels.dtype}: convert them to uint8, 0 to 255')
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.ndim == 2:
        pixels = numpy.repeat(pixels[:, :, None], 3, axis=2)
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        raise Error(Status.USAGE, f'pixels have shape {pixels.shape}: (height, width, 3) or (height, width) is needed')
    height, width = pixels.shape[:2]
    if height < 1 or width < 1 or max(height, width) > 2**29:
        raise Error(Status.USAGE, f'a picture of {width}x{height} pixels cannot be coded: sides are 1 to 2^29')
    row, column, sample = pixels.strides
    if sample != 1 or column != 3 or (height > 1 and row < 3 * width):
        pixels = numpy.ascontiguousarray(pixels)
    return pixels


def _size(value, what):
    try:
        width, height = (int(v) for v in value)
    except (TypeError, ValueError):
        raise Error(Status.USAGE, f'{what} {value!r} is not (width, height)') from None
    if not (1 <= width < 2**31 and 1 <= height < 2**31):
        raise Error(Status.USAGE, f'{what} {width}x{height} is not at least 1x1')
    return width, height


def encode(pixels, quality=50.0, sizes=None, effort=None, *, exif=None, icc=None, xmp=None, model=None, threads=0,
           max_pixels=None, max_memory=0) -> bytes:
    """Encodes a picture; returns a whole file.

    pixels      uint8 array [height, width, 3] or [height, width], sRGB; any strides
    quality     0 to 100
    sizes       (width, height) of every layer, smallest first, the last the picture's own; by default a quarter, a half
                and the whole of it
    effort      rounds of search for symbols that take fewer bits, 0 to 40; by default 2, or 0 above 16 megapixels
    exif, icc, xmp   bytes to be carried along. `icc` is information about the original: pixels are sRGB
    model       a Model; by default the one that comes with this package
    threads     1 to 256; 0: one per core. The file does not depend on it
    max_pixels, max_memory   limits (bytes) to keep to; by default 400 million pixels and any memory
    """
    pixels = _rows(pixels)
    if sizes is not None:
        sizes = [_size(size, f'sizes[{i}]') for i, size in enumerate(sizes)]
        if not sizes:
            raise Error(Status.USAGE, 'sizes is empty: leave it out, or list every layer')
    metadata = [(kind, bytes(data)) for kind, data in ((1, icc), (2, exif), (3, xmp)) if data]
    model = model or load_model()
    return model._native.encode(pixels, float(quality), sizes, _DEFAULT_EFFORT if effort is None else _whole(effort, 'effort'),
                                metadata, _limits(threads, max_pixels, max_memory))


def decode(data, layer=None, size=None, region=None, *, best=False, model=None, threads=0, max_pixels=None,
           max_memory=0) -> numpy.ndarray:
    """Decodes a file, or its beginning up to the wanted layer's end; returns uint8 [height, width, 3], sRGB.

    layer       0 is the smallest; by default the largest
    size        exactly this (width, height), whatever the layers are
    region      only this part of the layer: (x, y, width, height). Not together with size
    best        if the wanted layer is cut off or damaged, take the best one that is whole, instead of raising Error
    model       a Model; by default the one that made the file, if it is to be found
    threads, max_pixels, max_memory   as for encode
    """
    return _decode(data, layer, size, region, best, model, threads, max_pixels, max_memory).pixels


def _decode(data, layer, size, region, best, model, threads, max_pixels, max_memory):
    if model is None:
        model = _model_for(read_info(data).decoder)
    if layer is None:
        layer = -1
    elif _whole(layer, 'layer') < 0:
        raise Error(Status.USAGE, f'layer {layer} is not 0 or more')
    size = (0, 0) if size is None else _size(size, 'size')
    if region is not None:
        try:
            region = [int(v) for v in region]
        except (TypeError, ValueError):
            region = []
        if len(region) != 4 or min(region) < 0 or max(region) >= 2**31 or 0 in region[2:]:
            raise Error(Status.USAGE, 'region is not (x, y, width, height)')
    return model._native.decode(data, layer, size, region or [0, 0, 0, 0], not best,
                                _limits(threads, max_pixels, max_memory))


def _whole(value, what):
    number = int(value)
    if number != value or not -2**31 <= number < 2**31:
        raise Error(Status.USAGE, f'{what} {value!r} is not a whole number of sensible size')
    return number


def _limits(threads, max_pixels, max_memory):
    numbers = [0 if value is None else int(value) for value in (max_pixels, max_memory)]
    if not all(0 <= number < 2**64 for number in numbers):
        raise Error(Status.USAGE, f'limits of {max_pixels!r} pixels and {max_memory!r} bytes make no sense')
    return _native.Limits(_whole(threads, 'threads'), *numbers)


def read_info(data) -> Info:
    """What the header says, from the file's beginning; 24 kilobytes of it are always enough. Error with Status.DAMAGED:
    the header is cut off."""
    info = _native.read_info(data)
    if isinstance(info, int):
        raise Error(Status.DAMAGED, f'ends inside the header: at least {info} bytes are needed')
    decoder, minor_version, layers = info
    return Info(decoder.hex(), minor_version, tuple(Layer(*layer) for layer in layers))


def read_metadata(data) -> dict[str, bytes]:
    """The metadata that a file carries, from its beginning up to the first layer: 'icc', 'exif', 'xmp', 'iptc'."""
    kinds = {'icc': 1, 'exif': 2, 'xmp': 3, 'iptc': 4}
    found = {name: _native.read_metadata(data, kind) for name, kind in kinds.items()}
    return {name: value for name, value in found.items() if value}

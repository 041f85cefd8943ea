"""COMPASS: one photo, one file, every size.

    import compass
    data = compass.encode(pixels)                    # pixels: uint8 or uint16, [height, width, 1 to 4] or [height, width]
    compass.read_info(data).layers                   # sizes and where they end: a prefix is the smaller picture
    compass.decode(data)                             # the largest layer, uint8 [height, width, 3], or 4 with alpha
    compass.decode(data, layer=0)                    # the smallest
    compass.decode(data, size=(640, 480))            # any size
    compass.decode(data, region=(100, 80, 256, 256)) # a part: x, y, width, height

Files are decoded with the model that made them. Those that are used unless you name another come with this package;
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

__all__ = ['Error', 'Info', 'Layer', 'Model', 'Reader', 'Status', 'decode', 'encode', 'load_model', 'read_info', 'read_metadata']
__version__ = _native.version()

_DEFAULT_EFFORT = -1
_ALPHA, _GREY, _DEEP, _OWN_COLOURS = 1, 2, 4, 8  # kinds of pictures
_SHIPPED = 'lite.safetensors'
_TARGET_PSNR = 2
_HIGH_QUALITY = 'lite-hq.safetensors'  # for qualities from _native.HIGH_QUALITY on


class Status(enum.IntEnum):
    """Kinds of failures. Those up to 6 are the command's exit codes."""

    FAILURE = 1
    USAGE = 2
    BAD_FILE = 3
    DAMAGED = 4
    MODEL = 5
    IO = 6
    NEED = 7  # more of the file's bytes must arrive first
    CANCELLED = 8
    END = 9
    NO_MEMORY = 10


class Error(Exception):
    """What went wrong, in one line; `status` is its kind."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = Status(status)

    def __reduce__(self):  # so that it passes from process to process
        return type(self), (int(self.status), str(self))


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
    alpha: bool = False
    grey: bool = False
    deep: bool = False  # the original's samples have more than 8 bits
    own_colours: bool = False  # pixels are in the space of read_metadata(data)['icc'], not in sRGB

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
    """The model of a file, the one of a name such as 'swift' that comes with the package or lies where COMPASS_MODEL_PATH says,
    or lite, which is used by default below a quality of 62.5. Each file is read once."""
    path = os.path.realpath(_named(path) if path is not None else _shipped_model())
    with _models_lock:
        if path not in _models:
            _models[path] = Model(path)
        return _models[path]


def _places():
    places = [p for p in os.environ.get('COMPASS_MODEL_PATH', '').split(':') if p]
    return places + [str(pathlib.Path(__file__).parent / 'models')]


def _named(path):
    name = os.fspath(path)
    if isinstance(name, bytes) or '/' in name or os.path.isfile(name):
        return path
    return next((file for file in _model_files() if file.name == f'{name}.safetensors'), path)


def _model_files():
    for place in map(pathlib.Path, _places()):
        if place.is_file():
            yield place
        else:  # the shipped one first, then the smallest, which takes the least time to read
            files = [path for path in place.glob('*.safetensors') if path.is_file()]
            yield from sorted(files, key=lambda p: (p.name != _SHIPPED, p.stat().st_size, p.name))


def _shipped_model(quality=0.0):
    """For encoding a largest layer of this quality."""
    high = quality * 10 + 0.5 >= _native.HIGH_QUALITY * 10  # files hold tenths
    names = [_HIGH_QUALITY, _SHIPPED] if high else [_SHIPPED]
    for place in map(pathlib.Path, _places()):
        for path in [place] if place.is_file() else [place / name for name in names]:
            if path.is_file():
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


def _parts(pixels):
    """(rows of red, green, blue in memory, plane of alpha or None, whether they are grey), copied only if need be."""
    pixels = numpy.asarray(pixels)
    if pixels.dtype.newbyteorder('=') not in (numpy.uint8, numpy.uint16):
        raise Error(Status.USAGE, f'pixels are {pixels.dtype}: convert them to uint8, 0 to 255, or to uint16, 0 to 65535')
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.ndim != 3 or not 1 <= pixels.shape[2] <= 4:
        raise Error(Status.USAGE, f'pixels have shape {pixels.shape}: (height, width) is needed, or (height, width, n) with n = '
                    '1 for grey, 2 for grey and alpha, 3 for colours, 4 for colours and alpha')
    height, width, channels = pixels.shape
    if height < 1 or width < 1 or max(height, width) > 2**29:
        raise Error(Status.USAGE, f'a picture of {width}x{height} pixels cannot be coded: sides are 1 to 2^29')
    colours, alpha = pixels, None
    if channels % 2 == 0:
        colours, alpha = pixels[:, :, :-1], pixels[:, :, -1]
        if alpha.dtype.itemsize == 2:
            alpha = (alpha.astype(numpy.uint32) + 128) // 257
        alpha = numpy.ascontiguousarray(alpha, numpy.uint8)
    grey = colours.shape[2] == 1
    if grey:
        colours = numpy.repeat(colours, 3, axis=2)
    return _rows(colours), alpha, grey


def _rows(colours):
    colours = colours.astype(colours.dtype.newbyteorder('='), copy=False)
    width, size = colours.shape[1], colours.dtype.itemsize
    row, column, sample = colours.strides
    if sample != size or column != 3 * size or (colours.shape[0] > 1 and (row < column * width or row % size != 0)):
        colours = colours.copy(order='C')  # with strides that say so, however short the sides are
    return colours


def _size(value, what):
    try:
        width, height = (int(v) for v in value)
    except (TypeError, ValueError):
        raise Error(Status.USAGE, f'{what} {value!r} is not (width, height)') from None
    if not (1 <= width < 2**31 and 1 <= height < 2**31):
        raise Error(Status.USAGE, f'{what} {width}x{height} is not at least 1x1')
    return width, height


def encode(pixels, quality=50.0, sizes=None, effort=None, *, exif=None, icc=None, xmp=None, own_colours=False,
           regions=(), quality_map=None, target_size=None, target_bpp=None, target_psnr=None, model=None, threads=0,
           max_pixels=None, max_memory=0) -> bytes:
    """Encodes a picture; returns a whole file.

    pixels      array [height, width, n], n = 1 for grey, 2 for grey and alpha, 3 for red, green, blue, 4 with alpha, or
                [height, width] for grey; uint8, or uint16 from 0 to 65535; sRGB; any strides. Alpha is kept without loss,
                of uint16 its upper 8 bits, rounded; colours are not multiplied by it
    quality     0 to 100, or a list: one for each layer, smallest first
    sizes       (width, height) of every layer, smallest first, the last the picture's own; by default a quarter, a half
                and the whole of it
    effort      rounds of search for symbols that take fewer bits, 0 to 40; by default 2, or 0 above 16 megapixels
    exif, icc, xmp   bytes to be carried along. `icc` is information about the original: pixels are sRGB
    regions     (x, y, width, height, offset) of parts of the picture that are to be better (offset above 0, up to 100)
                or worse than the rest, by so many steps of quality
    quality_map the same by an array [height, width] of uint8, any size, laid over the whole picture: 0 is 100 steps worse,
                128 no change, 255 100 steps better
    own_colours pixels are not sRGB but in the colour space of `icc`
    target_size, target_bpp, target_psnr   one of them, instead of quality: the best quality that takes no more bytes, or
                bits for each pixel of the largest layer, and no less than 98 % of them; or one that gives no less dB. A
                number for the largest layer, all layers having the same quality; or a list, one for each, of the file up
                to the layer's end
    model       a Model; by default one of those that come with this package: lite, or lite-hq where the largest layer's quality is
                62.5 or more, or targets come to that
    threads     1 to 256; 0: one per core. The file does not depend on it
    max_pixels, max_memory   limits (bytes) to keep to; by default 400 million pixels and any memory
    """
    rows, alpha, grey = _parts(pixels)
    kinds = (_GREY if grey else 0) | (_OWN_COLOURS if own_colours else 0)
    if sizes is not None:
        sizes = [_size(size, f'sizes[{i}]') for i, size in enumerate(sizes)]
        if not sizes:
            raise Error(Status.USAGE, 'sizes is empty: leave it out, or list every layer')
    qualities = [float(q) for q in numpy.atleast_1d(quality)]
    if not qualities:
        raise Error(Status.USAGE, 'quality is empty: give a number, or one for each layer')
    metadata = [(kind, bytes(data)) for kind, data in ((1, icc), (2, exif), (3, xmp)) if data]
    targets = _targets(target_size, target_bpp, target_psnr)

    settings = (qualities, [_region(region, 5) for region in regions], _plane(quality_map), sizes,
                _DEFAULT_EFFORT if effort is None else _whole(effort, 'effort'), metadata, targets,
                _limits(threads, max_pixels, max_memory))

    def encoded(model):
        return model._native.encode(rows, alpha, kinds, *settings)

    if model is not None:
        return encoded(model)
    return _to_targets(encoded, targets[-1][0]) if targets else encoded(load_model(_shipped_model(qualities[-1])))


def _to_targets(encoded, kind):
    """With lite, and if the quality that targets take is a high one, or PSNR one that lite does not reach, with lite-hq."""
    failure = None
    try:
        data = encoded(load_model())
    except Error as error:
        if error.status != Status.USAGE or kind != _TARGET_PSNR:
            raise
        failure = error
    if failure is None and read_info(data).layers[-1].quality < _native.HIGH_QUALITY:
        return data
    path = _shipped_model(_native.HIGH_QUALITY)
    if path != _shipped_model():
        try:
            return encoded(load_model(path))
        except Error as error:
            failure = failure and error
    if failure is not None:
        raise failure
    return data


def _targets(*wishes):
    wished = [(kind, wish) for kind, wish in enumerate(wishes) if wish is not None]
    if len(wished) > 1:
        raise Error(Status.USAGE, 'give one of target_size, target_bpp and target_psnr')
    return [(kind, float(value)) for kind, wish in wished for value in numpy.atleast_1d(wish)]


def decode(data, layer=None, size=None, region=None, *, dtype=numpy.uint8, best=False, model=None, threads=0, max_pixels=None,
           max_memory=0) -> numpy.ndarray:
    """Decodes a file, or its beginning up to the wanted layer's end; returns an array [height, width, 3], or with alpha
    [height, width, 4]; sRGB, unless read_info(data).own_colours. Grey pictures have three equal colours.

    layer       0 is the smallest; by default the largest
    size        exactly this (width, height), whatever the layers are
    region      only this part of the layer: (x, y, width, height). Not together with size
    dtype       uint8, or uint16 for samples from 0 to 65535, which are finer
    best        if the wanted layer is cut off or damaged, take the best one that is whole, instead of raising Error
    model       a Model; by default the one that made the file, if it is to be found
    threads, max_pixels, max_memory   as for encode
    """
    bits = {numpy.dtype(numpy.uint8): 8, numpy.dtype(numpy.uint16): 16}.get(numpy.dtype(dtype))
    if bits is None:
        raise Error(Status.USAGE, f'dtype {dtype!r} is not uint8 or uint16')
    decoded = _decode(data, layer, size, region, bits, best, model, threads, max_pixels, max_memory)
    if decoded.alpha is None:
        return decoded.pixels
    alpha = decoded.alpha if bits == 8 else decoded.alpha.astype(numpy.uint16) * 257
    return numpy.dstack((decoded.pixels, alpha))


def _decode(data, layer, size, region, bits, best, model, threads, max_pixels, max_memory):
    if model is None:
        model = _model_for(read_info(data).decoder)
    layer, size, region = _wish(layer, size, region)
    return model._native.decode(data, layer, size, region, bits, not best,
                                _limits(threads, max_pixels, max_memory))


def _wish(layer, size, region):
    if layer is None:
        layer = -1
    elif _whole(layer, 'layer') < 0:
        raise Error(Status.USAGE, f'layer {layer} is not 0 or more')
    size = (0, 0) if size is None else _size(size, 'size')
    if region is None:
        return layer, size, [0, 0, 0, 0]
    return layer, size, _region(region, 4)


def _region(value, count):
    try:
        region = [int(v) for v in value]
    except (TypeError, ValueError):
        region = []
    rect = region[:4]
    if len(region) != count or min(rect) < 0 or max(map(abs, region)) >= 2**31 or 0 in rect[2:]:
        raise Error(Status.USAGE, f'region is not (x, y, width, height{", offset" if count == 5 else ""})')
    return region


def _plane(value):
    if value is None:
        return None
    plane = numpy.asarray(value)
    if plane.dtype != numpy.uint8 or plane.ndim != 2 or max(plane.shape, default=0) >= 2**31:
        raise Error(Status.USAGE, f'quality_map is {plane.dtype} of shape {plane.shape}: (height, width) of uint8 is needed')
    return numpy.ascontiguousarray(plane)


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
    decoder, minor_version, kinds, layers = info
    flags = (kinds & kind != 0 for kind in (_ALPHA, _GREY, _DEEP, _OWN_COLOURS))
    return Info(decoder.hex(), minor_version, tuple(Layer(*layer) for layer in layers), *flags)


def read_metadata(data) -> dict[str, bytes]:
    """The metadata that a file carries, from its beginning up to the first layer: 'icc', 'exif', 'xmp', 'iptc'."""
    kinds = {'icc': 1, 'exif': 2, 'xmp': 3, 'iptc': 4}
    found = {name: _native.read_metadata(data, kind) for name, kind in kinds.items()}
    return {name: value for name, value in found.items() if value}


from .reader import Reader  # noqa: E402  it builds on what is above

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

import contextlib

import numpy

from . import _arguments, _loading, _native, _types
from ._loading import Model, load_model
from ._types import Error, Info, Layer, Status, read_info, read_metadata
from .reader import Reader

__all__ = ['Error', 'Info', 'Layer', 'Model', 'Reader', 'Status', 'decode', 'encode', 'load_model', 'read_info', 'read_metadata']
__version__ = _native.version()

_DEFAULT_EFFORT = -1
_TARGET_PSNR = 2


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
    rows, alpha, grey = _arguments.parts_of(pixels)
    kinds = (_types.GREY if grey else 0) | (_types.OWN_COLOURS if own_colours else 0)
    if sizes is not None:
        sizes = [_arguments.size_of(size, f'sizes[{i}]') for i, size in enumerate(sizes)]
        if not sizes:
            raise Error(Status.USAGE, 'sizes is empty: leave it out, or list every layer')
    qualities = _arguments.numbers_of(quality, 'quality')
    metadata = [(kind, bytes(data)) for kind, data in ((1, icc), (2, exif), (3, xmp)) if data]
    targets = _arguments.targets_of(target_size, target_bpp, target_psnr)

    settings = (qualities, [_arguments.region_of(region, 5) for region in regions], _arguments.plane_of(quality_map), sizes,
                _DEFAULT_EFFORT if effort is None else _arguments.whole_number(effort, 'effort'), metadata, targets,
                _arguments.limits_of(threads, max_pixels, max_memory))

    def encoded(model):
        return model._native.encode(rows, alpha, kinds, *settings)

    if model is not None:
        return encoded(model)
    return _to_targets(encoded, targets[-1][0]) if targets else encoded(load_model(_loading.shipped_model(qualities[-1])))


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
    path = _loading.shipped_model(_native.HIGH_QUALITY)
    high = None
    if path != _loading.shipped_model():
        with contextlib.suppress(Error):  # without it, what lite made or said stays
            high = load_model(path)
    if high is not None:
        try:
            return encoded(high)
        except Error as error:
            failure = failure and error
    if failure is not None:
        raise failure
    return data


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
        model = _loading.model_for(read_info(data).decoder)
    layer, size, region = _arguments.wish_of(layer, size, region)
    return model._native.decode(data, layer, size, region, bits, not best,
                                _arguments.limits_of(threads, max_pixels, max_memory))

"""What users may pass, checked, as _native takes it. Errors: Status.USAGE."""
from __future__ import annotations

import numpy

from . import _native
from ._types import Error, Status


def parts_of(pixels):
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


def size_of(value, what):
    try:
        width, height = (int(v) for v in value)
    except (TypeError, ValueError, OverflowError):
        raise Error(Status.USAGE, f'{what} {value!r} is not (width, height)') from None
    if not (1 <= width < 2**31 and 1 <= height < 2**31):
        raise Error(Status.USAGE, f'{what} {width}x{height} is not at least 1x1')
    return width, height


def targets_of(*wishes):
    wished = [(kind, wish) for kind, wish in enumerate(wishes) if wish is not None]
    if len(wished) > 1:
        raise Error(Status.USAGE, 'give one of target_size, target_bpp and target_psnr')
    return [(kind, value) for kind, wish in wished for value in numbers_of(wish, 'the target')]


def numbers_of(value, what):
    """One or more, as a list of floats."""
    try:
        numbers = [float(number) for number in numpy.atleast_1d(value)]
    except (TypeError, ValueError, OverflowError):
        numbers = []
    if not numbers:
        raise Error(Status.USAGE, f'{what} {value!r} is neither a number nor a list of them, one for each layer')
    return numbers


def wish_of(layer, size, region):
    if layer is None:
        layer = -1
    elif whole_number(layer, 'layer') < 0:
        raise Error(Status.USAGE, f'layer {layer} is not 0 or more')
    size = (0, 0) if size is None else size_of(size, 'size')
    if region is None:
        return layer, size, [0, 0, 0, 0]
    return layer, size, region_of(region, 4)


def region_of(value, count):
    try:
        region = [int(v) for v in value]
    except (TypeError, ValueError, OverflowError):
        region = []
    rect = region[:4]
    if len(region) != count or min(rect) < 0 or max(map(abs, region)) >= 2**31 or 0 in rect[2:]:
        raise Error(Status.USAGE, f'region is not (x, y, width, height{", offset" if count == 5 else ""})')
    return region


def plane_of(value):
    if value is None:
        return None
    plane = numpy.asarray(value)
    if plane.dtype != numpy.uint8 or plane.ndim != 2 or max(plane.shape, default=0) >= 2**31:
        raise Error(Status.USAGE, f'quality_map is {plane.dtype} of shape {plane.shape}: (height, width) of uint8 is needed')
    return numpy.ascontiguousarray(plane)


def whole_number(value, what):
    number = _int(value)
    if number is None or number != value or not -2**31 <= number < 2**31:
        raise Error(Status.USAGE, f'{what} {value!r} is not a whole number of sensible size')
    return number


def _int(value):
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def limits_of(threads, max_pixels, max_memory):
    given = [0 if value is None else value for value in (max_pixels, max_memory)]
    numbers = [_int(value) for value in given]
    if numbers != given or not all(0 <= number < 2**64 for number in numbers):
        raise Error(Status.USAGE, f'limits of {max_pixels!r} pixels and {max_memory!r} bytes make no sense')
    return _native.Limits(whole_number(threads, 'threads'), *numbers)

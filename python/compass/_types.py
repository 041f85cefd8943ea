"""What a file says of itself, and what goes wrong."""
from __future__ import annotations

import enum
import typing

from . import _native

ALPHA, GREY, DEEP, OWN_COLOURS = 1, 2, 4, 8  # kinds of pictures


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


def read_info(data) -> Info:
    """What the header says, from the file's beginning; 24 kilobytes of it are always enough. Error with Status.DAMAGED:
    the header is cut off."""
    info = _native.read_info(data)
    if isinstance(info, int):
        raise Error(Status.DAMAGED, f'ends inside the header: at least {info} bytes are needed')
    decoder, minor_version, kinds, layers = info
    flags = (kinds & kind != 0 for kind in (ALPHA, GREY, DEEP, OWN_COLOURS))
    return Info(decoder.hex(), minor_version, tuple(Layer(*layer) for layer in layers), *flags)


def read_metadata(data) -> dict[str, bytes]:
    """The metadata that a file carries, from its beginning up to the first layer: 'icc', 'exif', 'xmp', 'iptc'."""
    kinds = {'icc': 1, 'exif': 2, 'xmp': 3, 'iptc': 4}
    found = {name: _native.read_metadata(data, kind) for name, kind in kinds.items()}
    return {name: value for name, value in found.items() if value}

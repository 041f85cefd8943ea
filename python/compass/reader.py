"""Reading a file while its bytes arrive."""
from __future__ import annotations

import os
import typing

import numpy

from . import _native
from ._arguments import limits_of, wish_of
from ._loading import model_for
from ._types import Error, Info, Status, read_info


class Part(typing.NamedTuple):
    """A layer that a Reader gives out, or the part of it that was asked for."""

    layer: int
    x: int
    y: int
    width: int
    height: int
    is_last: bool


class Reader:
    """A file on its way: each layer is decoded when its bytes are there, from what is kept of the one below.

        reader = compass.Reader()
        for piece in pieces:
            reader.push(piece)
            for pixels in reader:       # the layers that are there now
                show(pixels)

    `source` is a binary file that can seek, or a function of offset and size that returns as many bytes, fewer only at
    the end; then bytes are read as they are needed. Without one they are pushed.

    layer, size, region   what is wanted, as in decode: `layer` is the last one that is given out, a region is one of it,
                    and with a size every layer is brought to it
    dtype           uint8 or uint16
    best            whether a layer of which blocks are damaged is given out, too: `damage` says what was lost
    model           by default the one that made the file, if it is to be found
    threads, max_pixels, max_memory   as for encode

    Pixels are decode's, to the bit. Any number of readers may be used at once, each by one thread at a time.
    """

    def __init__(self, source=None, *, layer=None, size=None, region=None, dtype=numpy.uint8, best=False, model=None,
                 threads=0, max_pixels=None, max_memory=0):
        if numpy.dtype(dtype) not in (numpy.uint8, numpy.uint16):
            raise Error(Status.USAGE, f'dtype {dtype!r} is not uint8 or uint16')
        self._deep = numpy.dtype(dtype) == numpy.uint16
        self._read = _reading(source)
        self._model = model
        self._limits = limits_of(threads, max_pixels, max_memory)
        self._wish = wish_of(layer, size, region)
        self._best = best
        self._waiting = []  # (offset, bytes) that came before it was known which model decodes them
        self._pushed = 0
        self._ended = False
        self._info = None
        self._need = 0
        self._native = None
        self.damage = ''

    def push(self, data):
        """The next bytes of the file."""
        data = bytes(data)
        self.push_at(self._pushed, data)

    def push_at(self, offset, data):
        """Bytes from any place of it. `push` goes on behind them."""
        if self._read is not None or self._ended:
            raise Error(Status.USAGE, 'nothing can be pushed: there is a source, or the end was said')
        data = bytes(data)
        self._pushed = offset + len(data)
        if self._native is not None:
            self._native.push_at(offset, data)
        else:
            self._waiting.append((offset, data))

    def end(self):
        """No more bytes will come: what is missing counts as damage."""
        if self._read is not None:
            raise Error(Status.USAGE, 'there is a source')
        self._ended = True
        if self._native is not None:
            self._native.end()

    @property
    def info(self) -> Info | None:
        """What the header says, once it is there."""
        if self._info is None:
            self._info = self._find_info()
        return self._info

    @property
    def need(self) -> int:
        """How many of the file's first bytes it takes to get on; 0 if it can already, or is done."""
        if self.info is None:
            return self._need
        if self.done or self._open().ready() >= 0:
            return 0
        return self._open().need()

    @property
    def done(self) -> bool:
        """Whether all layers that were asked for were given out, or are lost."""
        return self.info is not None and self._open().next() is None

    def next(self) -> Part | None:
        """What `next_layer` gives when its bytes are there; None if the header is not, or when it is done."""
        part = self._open().next() if self.info is not None else None
        return None if part is None else Part(*part[:6])

    def next_layer(self) -> numpy.ndarray | None:
        """The next layer's pixels, [height, width, 3], or 4 with alpha; None if its bytes are not there, or when it is
        `done`. Error with Status.DAMAGED: the layer is lost, and with it all after it."""
        if self.info is None:
            return None
        native = self._open()
        if native.ready() < 0:
            return None
        pixels, self.damage = native.next_layer(self._deep)
        return pixels

    def __iter__(self):
        """The layers whose bytes are there."""
        while (pixels := self.next_layer()) is not None:
            yield pixels

    def select(self, layer=None, size=None, region=None):
        """Begins again at the smallest layer, with other wishes. Bytes stay."""
        self._wish = wish_of(layer, size, region)
        if self._native is not None:
            self._native.select(*self._wish, not self._best)

    def ranges(self, layer=None, size=None, region=None) -> list[tuple[int, int]]:
        """(offset, size) of the bytes that decoding this takes, beside the header. Error with Status.NEED: large layers'
        indexes, or the header, are not there; `need` says how much is."""
        if self.info is None:
            raise Error(Status.NEED, f"the file's first {self._need} bytes are needed")
        return self._open().ranges(*wish_of(layer, size, region))

    def _find_info(self):
        have = 1024
        while True:
            data = self._read(0, have) if self._read is not None else self._first_bytes()
            try:
                return read_info(data)
            except Error as error:
                if error.status != Status.DAMAGED:
                    raise
            self._need = _native.read_info(data)
            if self._read is None and not self._ended:
                return None
            if self._read is None or len(data) < have:
                raise Error(Status.BAD_FILE, f'ends after {len(data)} bytes, inside the header')
            have = max(self._need, 2 * have)

    def _first_bytes(self):
        """Those that were pushed without a gap."""
        found = b''
        for offset, data in sorted(self._waiting):
            if offset > len(found):
                break
            found += data[len(found) - offset:]
        return found

    def _open(self):
        if self._native is None:
            model = self._model or model_for(self.info.decoder)
            native = _native.Reader(model._native, self._limits, self._read)
            for offset, data in self._waiting:
                native.push_at(offset, data)
            if self._ended:
                native.end()
            native.select(*self._wish, not self._best)
            self._native = native
            self._waiting.clear()
        return self._native


def _reading(source):
    if source is None or callable(source):
        return source

    def read(offset, size):
        source.seek(offset, os.SEEK_SET)
        return source.read(size)

    return read

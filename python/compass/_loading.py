"""Models: where they lie, which is taken, each file read once."""
from __future__ import annotations

import os
import pathlib
import threading

from . import _native
from ._types import Error, Status

_SHIPPED = 'lite.safetensors'
_FOR_HIGH_QUALITY = 'lite-hq.safetensors'


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
    path = os.path.realpath(_named(path) if path is not None else shipped_model())
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


def shipped_model(quality=0.0):
    """For encoding a largest layer of this quality."""
    high = quality * 10 + 0.5 >= _native.HIGH_QUALITY * 10  # files hold tenths
    names = [_FOR_HIGH_QUALITY, _SHIPPED] if high else [_SHIPPED]
    for place in map(pathlib.Path, _places()):
        for path in [place] if place.is_file() else [place / name for name in names]:
            if path.is_file():
                return path
    raise Error(Status.MODEL, f'no {_SHIPPED} in {", ".join(_places())}; name a model, or its folder in COMPASS_MODEL_PATH')


def model_for(decoder):
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

"""What the tests of the Python package share. The package is the one on PYTHONPATH; the command that it is compared with
is COMPASS_COMMAND, without which those tests skip."""
import os
import pathlib
import subprocess

import numpy
import pytest

import compass

ROOT = pathlib.Path(__file__).resolve().parents[2]
TINY = ROOT / 'tests' / 'data' / 'tiny.safetensors'


@pytest.fixture(scope='session')
def model():
    return compass.load_model(TINY)


@pytest.fixture(scope='session', autouse=True)
def models_are_found():
    os.environ['COMPASS_MODEL_PATH'] = str(TINY)


@pytest.fixture
def pixels():
    return picture(67, 45)


def picture(width, height):
    """Waves with noise, uint8 [height, width, 3]."""
    y, x = numpy.mgrid[0:height, 0:width]
    waves = numpy.stack([127 + 90 * numpy.sin(x / 7 + c) * numpy.cos(y / 5) for c in range(3)], axis=2)
    noise = numpy.random.default_rng(width * height).normal(0, 6, waves.shape)
    return numpy.clip(waves + noise, 0, 255).astype(numpy.uint8)


@pytest.fixture
def command(tmp_path):
    program = os.environ.get('COMPASS_COMMAND')
    if not program:
        pytest.skip('no command to compare with (COMPASS_COMMAND)')

    def run(*arguments):
        return subprocess.run([program, *map(str, arguments), '--model', str(TINY)], cwd=tmp_path, check=True,
                              capture_output=True, timeout=300)

    return run

"""Builds the Python package with the project's own CMake build. Everything else about it is in pyproject.toml."""
import os
import pathlib
import re
import subprocess
import sys
import sysconfig

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = pathlib.Path(__file__).resolve().parent


class CMakeBuild(build_ext):
    """Builds the target `compass_python` and puts what it makes, with the models, beside the package's modules. Where
    COMPASS_BUILD names a folder, what was built there for this Python is taken."""

    def build_extension(self, extension):
        target = pathlib.Path(self.get_ext_fullpath(extension.name)).resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        build = os.environ.get('COMPASS_BUILD')
        if not build:
            build = pathlib.Path(self.build_temp).resolve()
            build.mkdir(parents=True, exist_ok=True)
            subprocess.run(['cmake', '-S', ROOT, '-B', build, '-G', 'Ninja', '-DCMAKE_BUILD_TYPE=Release',
                            '-DCOMPASS_PYTHON=ON', '-DCOMPASS_TESTS=OFF', '-DCOMPASS_COMMANDS=OFF',
                            f'-DPython_EXECUTABLE={sys.executable}'], check=True)
            subprocess.run(['cmake', '--build', build, '--target', 'compass_python'], check=True)
        built = pathlib.Path(build) / 'python' / f'_native{sysconfig.get_config_var("EXT_SUFFIX")}'
        self.copy_file(str(built), str(target))
        models = target.parent / 'models'
        models.mkdir(exist_ok=True)
        for model in (ROOT / 'models').glob('*.safetensors'):
            self.copy_file(str(model), str(models / model.name))


setup(
    version=re.search(r'VERSION (\S+)', (ROOT / 'CMakeLists.txt').read_text().split('project(', 1)[1])[1],
    packages=['compass'],
    package_dir={'': 'python'},
    package_data={'compass': ['py.typed', '*.pyi', 'models/*.safetensors']},
    ext_modules=[Extension('compass._native', sources=[])],
    cmdclass={'build_ext': CMakeBuild},
    zip_safe=False,
)

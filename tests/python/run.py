"""Installs the package with pip into a folder of its own, from a build that there is, and runs its tests there:

    run.py BUILD COMPASS      BUILD: of this Python, with -DCOMPASS_PYTHON=ON; COMPASS: the command to compare with
"""
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
build, command = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
site = build / 'python-test'
shutil.rmtree(site, ignore_errors=True)
environment = dict(os.environ, COMPASS_BUILD=str(build))
subprocess.run([sys.executable, '-m', 'pip', 'install', '--quiet', '--no-build-isolation', '--no-deps', '--no-index',
                '--disable-pip-version-check', '--root-user-action', 'ignore', '--target', site, HERE.parents[1]],
               env=environment, check=True)
environment = dict(os.environ, PYTHONPATH=str(site), COMPASS_COMMAND=str(command))
sys.exit(subprocess.run([sys.executable, '-B', '-m', 'pytest', '-v', '-p', 'no:cacheprovider', HERE], env=environment,
                        cwd=site).returncode)

"""Many pictures to .cmps files, on one machine or many: what examples/archive_dask.py and archive_slurm.sh build on.

    python3 -m compass.archive PHOTOS ARCHIVE --quality 60              # a folder, or a text file with a path a line
    python3 -m compass.archive PHOTOS ARCHIVE --part 3/16               # the third of sixteen shares

Files appear when they are whole, under the picture's name and path with .cmps at its end. What is there is left alone, so
that a run that was stopped goes on when it is started again. Pictures that cannot be encoded are listed at the end. A process
that is killed while it writes leaves a hidden file behind that ends in .part and may be deleted.
"""
from __future__ import annotations

import argparse
import os
import pathlib
import sys
import tempfile
import typing

import numpy
from PIL import Image, ImageOps

import compass
import compass.pillow

ENDINGS = {'.avif', '.bmp', '.gif', '.heic', '.jp2', '.jpeg', '.jpg', '.jxl', '.png', '.ppm', '.tif', '.tiff', '.webp'}


class Task(typing.NamedTuple):
    source: str
    target: str


def tasks(pictures, archive) -> list[Task]:
    """What is to be done, in order: the pictures of a folder and the folders in it, or those that a text file lists."""
    pictures, archive = pathlib.Path(pictures), pathlib.Path(archive)
    if pictures.is_dir():
        found = sorted(p for p in pictures.rglob('*') if p.suffix.lower() in ENDINGS and p.is_file())
        names = [p.relative_to(pictures) for p in found]
    else:
        found = [pathlib.Path(line) for line in pictures.read_text().splitlines() if line.strip()]
        names = [p.relative_to(p.anchor) for p in found]
    # The ending stays in the name: a.png and a.jpg are two pictures.
    return [Task(str(p), str(archive / f'{name}.cmps')) for p, name in zip(found, names)]


def encode_file(task, quality=50.0, sizes=None, effort=None, threads=0) -> str:
    """Encodes one picture; returns '' or, if it cannot be, why. The model is loaded once in a process. Safe to be called
    twice for a picture, even at the same time: the file appears whole, and is the same both times."""
    source, target = task
    if os.path.exists(target):
        return ''
    try:
        with Image.open(source) as opened:
            picture = ImageOps.exif_transpose(opened)
            exif = picture.getexif().tobytes() if picture.info.get('exif') else b''
            pixels, profile = compass.pillow.in_srgb(picture)
        data = compass.encode(numpy.asarray(pixels), quality, sizes, effort, icc=profile, exif=exif.removeprefix(b'Exif\0\0'),
                              threads=threads)
        _write(data, target)
    except Exception as error:  # whatever a picture makes Pillow raise, which is SyntaxError for one, it costs no others
        return f'{source}: {error}'
    return ''


def _write(data, target):
    folder = os.path.dirname(target) or '.'
    os.makedirs(folder, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix='.', suffix='.part', delete=False) as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            os.chmod(file.name, 0o666 & ~_UMASK)
            os.replace(file.name, target)
        except BaseException:
            os.unlink(file.name)
            raise


def _read_umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


_UMASK = _read_umask()  # once: while one thread reads it, files of others would be everybody's


def report(failures, count) -> int:
    """Says what failed; returns the exit code."""
    for line in failures:
        print(line, file=sys.stderr)
    if failures:
        print(f'{len(failures)} of {count} pictures could not be encoded', file=sys.stderr)
    return 1 if failures else 0


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(prog='python3 -m compass.archive', description='Encode many pictures.')
    parser.add_argument('pictures', help='a folder, or a text file that lists pictures')
    parser.add_argument('archive', help='the folder for .cmps files')
    parser.add_argument('--quality', type=float, default=50.0)
    parser.add_argument('--effort', type=int)
    parser.add_argument('--threads', type=int, default=0, help='0: one per core')
    parser.add_argument('--part', default='1/1', help='I/N: every Nth picture from the Ith on')
    options = parser.parse_args(arguments)
    try:
        part, parts = (int(number) for number in options.part.split('/'))
        if not 1 <= part <= parts:
            raise ValueError
    except ValueError:
        parser.error(f'--part {options.part}: is not I/N with 1 <= I <= N')
    mine = tasks(options.pictures, options.archive)[part - 1::parts]
    outcomes = [encode_file(task, options.quality, effort=options.effort, threads=options.threads) for task in mine]
    return report([line for line in outcomes if line], len(mine))


if __name__ == '__main__':
    sys.exit(main())

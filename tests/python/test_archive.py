"""Many pictures: compass.archive, the Slurm script and the Dask example over it."""
import os
import pathlib
import signal
import subprocess
import sys

import pytest

pytest.importorskip('PIL')
from PIL import Image  # noqa: E402

import compass  # noqa: E402
from compass import archive  # noqa: E402
from conftest import ROOT, picture  # noqa: E402


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / 'photos'
    (folder / 'more').mkdir(parents=True)
    for i in range(7):
        Image.fromarray(picture(40 + i, 30)).save(folder / ('more' if i % 2 else '.') / f'p{i}.png')
    return folder


def written(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in pathlib.Path(folder).rglob('*') if p.is_file()}


def expected(photos, **options):
    return {f'{p.relative_to(photos)}.cmps': compass.encode(Image.open(p), **options) for p in photos.rglob('*.png')}


def test_a_folder(photos, tmp_path):
    assert archive.main([str(photos), str(tmp_path / 'out'), '--quality', '30', '--threads', '1']) == 0
    assert written(tmp_path / 'out') == expected(photos, quality=30)


def test_the_command_writes_the_same(photos, tmp_path, command):
    archive.main([str(photos), str(tmp_path / 'out')])
    command('encode', photos / 'p0.png', 'p0.cmps')
    assert (tmp_path / 'p0.cmps').read_bytes() == (tmp_path / 'out' / 'p0.png.cmps').read_bytes()


def test_what_is_there_is_left_alone_and_failures_are_listed(photos, tmp_path, capsys):
    out = tmp_path / 'out'
    out.mkdir()
    (out / 'p0.png.cmps').write_bytes(b'mine')
    (photos / 'p2.png').write_bytes(b'no picture')
    assert archive.main([str(photos), str(out), '--effort', '0']) == 1
    files = written(out)
    assert files.pop('p0.png.cmps') == b'mine'
    assert len(files) == 5
    errors = capsys.readouterr().err
    assert 'p2.png' in errors and '1 of 7' in errors
    assert not [name for name in files if not name.endswith('.cmps')]  # nothing half-written


def test_a_list_and_shares(photos, tmp_path):
    listed = tmp_path / 'list.txt'
    listed.write_text(''.join(f'{p}\n' for p in sorted(photos.rglob('*.png'))))
    script = str(ROOT / 'examples' / 'archive_slurm.sh')
    for task in '123':
        environment = dict(os.environ, SLURM_ARRAY_TASK_ID=task, SLURM_ARRAY_TASK_COUNT='3', SLURM_CPUS_PER_TASK='1',
                           PATH=f'{pathlib.Path(sys.executable).parent}:{os.environ["PATH"]}')
        subprocess.run(['bash', script, listed, tmp_path / 'out', '--effort', '0'], env=environment, check=True)
    assert sorted(written(tmp_path / 'out').values()) == sorted(expected(photos, effort=0).values())
    with pytest.raises(SystemExit):
        archive.main([str(photos), str(tmp_path), '--part', '4/3'])


def test_dask_survives_the_death_of_a_worker(tmp_path):
    distributed = pytest.importorskip('distributed')
    photos = tmp_path / 'photos'
    photos.mkdir()
    for i in range(16):
        Image.fromarray(picture(200 + i, 150)).save(photos / f'p{i}.png')
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        with subprocess.Popen([sys.executable, ROOT / 'examples' / 'archive_dask.py', photos, tmp_path / 'out',
                               '--scheduler', cluster.scheduler_address], stderr=subprocess.PIPE, text=True) as run:
            while run.stderr.read(1) != '4':  # the fourth picture is done
                assert run.poll() is None
            os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
            errors = run.stderr.read()
        assert run.returncode == 0, errors
    # The worker may have died while it wrote: what it began then is hidden, and no .cmps.
    files = {name: data for name, data in written(tmp_path / 'out').items() if not name.endswith('.part')}
    assert files == expected(photos)

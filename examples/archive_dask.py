#!/usr/bin/env python3
"""Encodes a folder of pictures on every machine of a Dask cluster (python3-distributed), or on this one's cores.

    archive_dask.py PHOTOS ARCHIVE                                   # workers of its own, one for each core
    archive_dask.py PHOTOS ARCHIVE --scheduler tcp://host:8786       # on a cluster that sees both folders

A picture whose worker dies is given to another one. Started again, it goes on where it stopped (see compass.archive).
"""
import argparse
import sys

from distributed import Client, LocalCluster, as_completed

from compass import archive


def main():
    parser = argparse.ArgumentParser(description='Encode many pictures on many machines.')
    parser.add_argument('pictures', help='a folder, or a text file that lists pictures')
    parser.add_argument('archive', help='the folder for .cmps files')
    parser.add_argument('--scheduler', help='a running scheduler; by default one is started here')
    parser.add_argument('--workers', type=int, help='of a scheduler that is started here; by default one for each core')
    parser.add_argument('--quality', type=float, default=50.0)
    options = parser.parse_args()

    cluster = options.scheduler or LocalCluster(n_workers=options.workers, threads_per_worker=1, dashboard_address=None)
    with Client(cluster) as client:
        todo = archive.tasks(options.pictures, options.archive)
        # One thread a picture: workers are what runs side by side.
        futures = client.map(archive.encode_file, todo, quality=options.quality, threads=1, retries=3, pure=False)
        failures = []
        for done, future in enumerate(as_completed(futures), 1):
            outcome = future.result() if future.status == 'finished' else f'{future.key}: {future.exception()}'
            failures += [outcome] if outcome else []
            print(f'\r{done} of {len(todo)}', end='', file=sys.stderr, flush=True)
        print(file=sys.stderr)
    return archive.report(failures, len(todo))


if __name__ == '__main__':
    sys.exit(main())

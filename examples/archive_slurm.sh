#!/bin/bash
#SBATCH --job-name=compass-archive
#SBATCH --array=1-16
#SBATCH --cpus-per-task=2
#SBATCH --requeue
# Encodes a folder of pictures as a Slurm job array, each task a share:
#
#   sbatch examples/archive_slurm.sh PHOTOS ARCHIVE [options of python3 -m compass.archive]
#
# Tasks that were stopped or failed may be submitted again: what is there is left alone.
exec python3 -m compass.archive "$@" --threads "${SLURM_CPUS_PER_TASK:-0}" \
  --part "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"

#!/usr/bin/env bash
# Shows that the project builds and passes where nothing is installed: makes a Debian of its own in a folder, clones
# HEAD into it (nothing that is not committed), and runs there what a stranger would: scripts/quickstart.sh, then
# scripts/test.sh. Or another command.
#
#   scripts/clean_root.sh RELEASE [FOLDER] [-- COMMAND...]
#       e.g. scripts/clean_root.sh trixie        scripts/clean_root.sh bookworm /srv/bookworm -- scripts/fuzz.sh 30
#
# FOLDER: default build/roots/RELEASE. It is kept, and a second run goes on in it; remove it to begin anew. What is
# mounted in it is seen by this script's processes alone and is gone with the last of them, however they end.
#
# Needs root, some 15 GB of disk (6 without LibTorch), an hour on two cores, and a mirror of Debian: $COMPASS_MIRROR, by
# default the one that apt uses here. Tests find $COMPASS_SHARED (../shared) as they do outside.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

release=${1:?"says which Debian: scripts/clean_root.sh RELEASE [FOLDER] [-- COMMAND...]"}
shift
folder=$root/build/roots/$release
if [ $# -gt 0 ] && [ "$1" != -- ]; then folder=$(realpath -m "$1") && shift; fi
[ "${1:---}" = -- ] || die "$1: what is this? A command comes after --"
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- bash -ec 'scripts/quickstart.sh; scripts/test.sh'

# Mounts and processes of its own, which end with this script even if it is killed.
if [ -z "${COMPASS_INSIDE:-}" ]; then
  [ "$(id -u)" -eq 0 ] || die "needs root, to change the root directory"
  install_packages debootstrap git
  COMPASS_INSIDE=yes setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child \
    "${BASH_SOURCE[0]}" "$release" "$folder" -- "$@"
  exit
fi

# The mirror and the proxy that apt uses here.
mirror=${COMPASS_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' 'Component: main' |
  head -n 1)}
eval "$(apt-config shell http_proxy Acquire::http::Proxy https_proxy Acquire::https::Proxy)"
[ -z "${http_proxy:-}" ] || export http_proxy
[ -z "${https_proxy:-}" ] || export https_proxy

if [ ! -e "$folder/etc/compass-root" ]; then
  [ -z "$(ls -A "$folder" 2>/dev/null)" ] || die "$folder: holds something else, or half a root; remove it or name another folder"
  say "Installing Debian $release into $folder"
  mkdir -p "$folder"
  log=$(mktemp)
  debootstrap --variant=minbase --include=ca-certificates "$release" "$folder" \
    "${mirror:-http://deb.debian.org/debian}" >"$log" 2>&1 || { tail -n 20 "$log" >&2; die "debootstrap failed; the whole log is $log"; }
  rm "$log"
  touch "$folder/etc/compass-root"
fi
cp /etc/resolv.conf /etc/hosts "$folder/etc"
mount -t proc proc "$folder/proc"
mount --rbind /dev "$folder/dev"

project=$folder/compass
git init -q "$project"
git -C "$project" fetch -q --depth 1 "file://$root" HEAD
git -C "$project" -c advice.detachedHead=false checkout -q --force FETCH_HEAD
shared=${COMPASS_SHARED:-$root/../shared}
if [ -d "$shared" ]; then
  mkdir -p "$folder/shared"
  mount --bind "$shared" "$folder/shared"
  mount -o remount,bind,ro "$folder/shared"
fi

say "Debian $release: $(git -C "$project" log -1 --format='%h %s')"
say "$*"
cd /
chroot "$folder" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
  ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
  /bin/bash -c 'cd /compass && exec "$@"' bash "$@"

#!/bin/sh
# Installs the Debian packages named, if any of them is missing. Says what it does; needs root only then.
set -eu
missing=
for package; do
    dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
    echo "missing packages:$missing; install them: sudo apt-get install$missing" >&2
    exit 1
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
# An index that is old or not there yet is fetched once; a network that cannot be reached is said by apt itself.
apt-get install -y --no-install-recommends $missing >/dev/null 2>&1 ||
    { apt-get update -q >/dev/null && apt-get install -y --no-install-recommends $missing >/dev/null; }

#!/bin/bash
# Every lens against a slow one of its own; see tests/differential/differential.py for the options.
#   tests/differential.sh BUILD [OPTION...]
set -u
cd "$(dirname "$0")/.." || exit 2
# The system's python3 is the one that Debian's pandas is for.
python=python3
/usr/bin/python3 -c 'import pandas' 2>/dev/null && python=/usr/bin/python3
exec $python tests/differential/differential.py "$@"

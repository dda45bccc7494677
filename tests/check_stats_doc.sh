#!/bin/sh
# Holds docs/stats.md against the counters of liblens/base/stats.h: the same keys with the same meaning, in the same order.
cd "$(dirname "$0")/.." || exit 1
wanted=$(sed -n '/define LENSI_STATS(X)/,/^$/s/^ *X(\([a-z_]*\), "\(.*\)").*/| `\1` | \2 |/p' liblens/base/stats.h)
found=$(sed -n '/^## Counters/,$p' docs/stats.md | grep '^| `')
[ -n "$wanted" ] && [ "$wanted" = "$found" ] && { echo "stats: docs/stats.md lists every counter"; exit 0; }
echo "stats: docs/stats.md and liblens/base/stats.h differ (< header, > page):" >&2
a=$(mktemp) && b=$(mktemp) || exit 1
printf '%s\n' "$wanted" > "$a"
printf '%s\n' "$found" > "$b"
diff "$a" "$b" >&2
rm -f "$a" "$b"
exit 1

# needs: jq
case $1 in quick) n=2000 ;; *) n=20000 ;; esac
jq -nc "[range($n) | {id: ., name: (. | tostring), list: [range(. % 7)]}]" > a.json
jq 'map(.list | add // 0) | add' a.json
jq -r '.[] | select(.id % 500 == 3) | "\(.id) \(.name | ascii_downcase | test("3"))"' a.json
jq 'group_by(.id % 10) | map({key: (.[0].id | tostring), value: length}) | from_entries' a.json
jq -S . a.json | sha1sum

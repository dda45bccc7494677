# shellcheck shell=sh disable=SC2034,SC2154
# pnmtile: gray pictures, and plain ones, whose samples are numbers.
if have pnmtile netpbm "pnmtile"; then
    plan=$plans/pnmtile.plan
    budget=$(pick 512K 14M) side=$(pick 400 2500)
    $gen ppm "$side" "$side" 255 > "$data/i8.ppm"
    $gen ppm "$side" "$side" 65535 > "$data/i16.ppm"
    ppmtopgm "$data/i8.ppm" > "$data/i8.pgm"
    ppmtopgm "$data/i16.ppm" > "$data/i16.pgm"
    pnmtoplainpnm "$data/i8.ppm" > "$data/plain.ppm"
    pnmtoplainpnm "$data/i8.pgm" > "$data/plain.pgm"
    for picture in i8.pgm i16.pgm plain.ppm plain.pgm; do
        shape "pnmtile, $picture" 25 pnmtile "$((side * 4))" "$((side * 4))" "$data/$picture"
    done
fi

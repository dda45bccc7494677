# pnmtile: samples of one and of two bytes, widened to four.
if have pnmtile netpbm "pnmtile"; then
    plan=$plans/pnmtile.plan min_saved=60
    budget=$(pick 1M 14M)
    $gen ppm "$(pick 1500 4000)" "$(pick 1000 3000)" 255 > "$data/i8.ppm"
    $gen ppm "$(pick 1500 4000)" "$(pick 1000 3000)" 65535 > "$data/i16.ppm"
    for depth in 8 16; do
        for store in none memory disk; do
            options=--store=$store
            row "pnmtile, $depth bits, store $store" pnmtile "$(pick 4000 12000)" "$(pick 3000 9000)" "$data/i$depth.ppm"
        done
    done
    for rung in thread protect; do
        options="--store=none --fault=$rung"
        row "pnmtile, 8 bits, fault $rung" pnmtile 4000 3000 "$data/i8.ppm"
    done
    options=--store=none min_saved=0
    head -c 300000 "$data/i8.ppm" > "$data/cut.ppm"
    row "pnmtile, picture cut short" pnmtile 4000 3000 "$data/cut.ppm"
fi

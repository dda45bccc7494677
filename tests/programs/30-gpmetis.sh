# gpmetis: a graph's neighbours and weights, both arrays of int32.
if have gpmetis metis "gpmetis"; then
    plan=$plans/gpmetis.plan min_saved=50 filter=$no_times
    budget=$(pick 1M 20M)
    $gen metis "$(pick 28 100)" 1 > "$data/weighted.graph"
    $gen metis "$(pick 28 100)" 0 > "$data/bare.graph"
    for graph in weighted bare; do
        for store in none disk; do
            options=--store=$store
            # The partition is written beside the graph: a link in each run's own folder keeps the two apart.
            row "gpmetis, $graph graph, store $store" sh -c "ln -s '$data/$graph.graph' g && exec gpmetis g 8"
        done
    done
fi

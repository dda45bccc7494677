# shellcheck shell=sh disable=SC2034,SC2154
# gpmetis: graphs whose vertices have weights, one or two, or sizes in front of their neighbours. About a third of the
# memory that is virtualised may be the budget's, and the offsets of vertices are not covered.
if have gpmetis metis "gpmetis"; then
    plan=$plans/gpmetis.plan filter=$no_times
    budget=$(pick 256K 20M)
    $gen metis "$(pick 14 90)" 1 > "$data/pairs.graph"
    # graph TITLE FORMAT IN_FRONT: what stands in front of each line, and the format in the header.
    graph()
    {
        awk -v format="$2" -v front="$3" 'NR == 1 { print $1, $2, format; next } { print front, $0 }' "$data/pairs.graph" > "$data/g.graph"
        shape "gpmetis, $1" 30 sh -c "ln -s '$data/g.graph' g && exec gpmetis g 8"
    }
    graph "weights of edges and vertices" 011 3
    graph "two weights a vertex" "011 2" "3 1"
    graph "sizes and weights of vertices" 111 "2 3"
fi

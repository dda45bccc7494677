# bwa mem: three files of the index, read with fread straight into blocks, then touched at random.
if have bwa bwa "bwa mem"; then
    plan=$plans/bwa.plan min_saved=60 min_lazy=500 filter='/^\[/d; /^@PG/d' timeout=900
    budget=$(pick 1M 12M)
    $gen fasta "$(pick 2 4)" "$(pick 1500000 16000000)" 60 1 > "$data/g.fa"
    bwa index "$data/g.fa" > /dev/null 2>&1
    $gen fastq "$data/g.fa" "$(pick 300 20000)" 150 2 > "$data/r.fq"
    for store in none disk; do
        options=--store=$store
        row "bwa mem, store $store" bwa mem -t 1 "$data/g.fa" "$data/r.fq"
    done
    options=--store=none
    row "bwa mem -t 4" bwa mem -t 4 "$data/g.fa" "$data/r.fq"
fi

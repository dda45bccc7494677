# needs: sqlite3
case $1 in quick) n=2000 ;; *) n=40000 ;; esac
sqlite3 a.db "pragma cache_size = 100; pragma journal_mode = wal; create table t(a integer primary key, b text, c real);
    with recursive c(x) as (select 1 union all select x + 1 from c where x < $n) insert into t select x, hex(x * 7919), x / 7.0 from c;
    create index i on t(b); create table u as select a % 100 as g, b from t;"
sqlite3 a.db "select count(*), sum(length(b)), total(c) from t; select max(x.a || y.b) from t x join t y on x.a = y.a + 1;
    select g, count(*), min(b) from u group by g order by g limit 5; delete from t where a % 3 = 0; update t set b = lower(b) where a % 5 = 0;
    pragma integrity_check; vacuum; select count(*), max(b) from t; select a, sum(a) over (order by a rows 3 preceding) from t limit 5;"
sqlite3 a.db .dump | sha1sum
sqlite3 a.db .dump | sqlite3 b.db && sqlite3 b.db "pragma integrity_check; select count(*) from u;"

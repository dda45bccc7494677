# needs: php
# Extensions are loaded with RTLD_DEEPBIND: their calls do not look for anybody else first.
case $1 in quick) n=3000 ;; *) n=60000 ;; esac
php -d memory_limit=-1 -r '
    $n = (int)$argv[1]; $rows = [];
    for ($i = 1; $i <= $n; $i++) $rows[] = ["id" => $i, "name" => "row$i", "list" => array_fill(0, $i % 5, $i % 7), "x" => $i / 7];
    $text = json_encode($rows); $back = json_decode($text, true);
    echo md5($text), " ", json_encode($back) === $text ? "same" : "differs", " ", round(array_sum(array_column($back, "x")), 6), "\n";
    $f = fopen("a.csv", "w"); foreach ($rows as $r) fputcsv($f, [$r["id"], $r["name"], $r["x"]]); fclose($f);
    echo count(file("a.csv")), " ", md5_file("a.csv"), " ", sha1(file_get_contents("a.csv")), "\n";
    echo md5(serialize(unserialize(serialize($back)))), " ", preg_match_all("/row\d*7\"/", $text), "\n";
    usort($back, fn($a, $b) => strcmp(md5($a["name"]), md5($b["name"]))); echo $back[0]["id"], "\n";
    echo md5(str_repeat($text, 3)), " ", md5(strrev($text)), " ", hash("sha256", $text), " ", strlen(bin2hex($text)), "\n";
    function deep($d) { return $d ? 1 + deep($d - 1) : 0; } echo deep(20000), "\n";
    function count_to($m) { for ($i = 0; $i < $m; $i++) yield $i => str_repeat("g", $i % 50); } $s = 0; foreach (count_to($n) as $k => $v) $s += strlen($v); echo $s, "\n";
    foreach (get_loaded_extensions() as $e) if (in_array($e, ["Phar", "PDO", "calendar", "ctype", "FTP", "gettext", "iconv", "posix", "sockets", "tokenizer"])) echo $e, " "; echo "\n";
    if (function_exists("iconv")) echo strlen(iconv("UTF-8", "UTF-16", $text)), "\n";
    if (function_exists("token_get_all")) echo count(token_get_all("<?php " . str_repeat("\$a = f(1, \"x\"); ", 500))), "\n";
    if (function_exists("socket_create_pair")) { socket_create_pair(AF_UNIX, SOCK_STREAM, 0, $pair); socket_write($pair[0], $part = substr($text, 0, 60000)); echo socket_read($pair[1], 60000) === $part ? "through" : "lost", "\n"; }
    echo stream_get_contents(popen("wc -l < a.csv", "r")); exit(0);' "$n"

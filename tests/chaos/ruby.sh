# needs: ruby
# A conservative collector that scans stack and heap, fibers, threads, fork, and an alternate stack that is freed at the end.
case $1 in quick) n=3000 ;; *) n=60000 ;; esac
ruby -rjson -rcsv -rdigest -rzlib -e '
    n = ARGV[0].to_i
    rows = (1..n).map { |i| {"id" => i, "name" => "row#{i}", "list" => [i % 7] * (i % 5), "x" => i / 7.0} }
    text = JSON.generate(rows); back = JSON.parse(text)
    puts Digest::MD5.hexdigest(text), back == rows, back.sum { |r| r["x"] }.round(6)
    table = CSV.generate { |c| rows.each { |r| c << r.values_at("id", "name", "x") } }
    File.write("a.csv", table); puts CSV.read("a.csv").map { |r| r[2].to_f }.max
    puts Digest::SHA1.hexdigest(Zlib::Inflate.inflate(Zlib::Deflate.deflate(table * 3)))
    fibers = (1..50).map { |k| Fiber.new { s = "f" * 2000; 20.times { |i| Fiber.yield "#{k}.#{i}.#{s.size}" }; "end #{k}" } }
    puts Digest::MD5.hexdigest((0..20).flat_map { fibers.map(&:resume) }.join(","))
    puts (1..8).map { |t| Thread.new { (1..n).reduce { |a, b| (a * 31 + b * t) % 1_000_003 } } }.map(&:value).join(" ")
    GC.start; GC.compact if GC.respond_to?(:compact)
    puts Marshal.load(Marshal.dump(rows)) == rows, text.scan(/row\d*7"/).size, rows.sort_by { |r| Digest::MD5.digest(r["name"]) }.first["id"]
    reader, writer = IO.pipe
    child = fork { reader.close; back.each { |r| writer.puts r["name"] if r["id"] % 97 == 0 }; exit!(3) }
    writer.close; puts Digest::MD5.hexdigest(reader.read); Process.wait child; puts $?.exitstatus
    def deep(d) = d.zero? ? 0 : 1 + deep(d - 1)
    puts deep(3000); begin; def endless = endless() + 1; endless; rescue SystemStackError; puts "stack level too deep"; end
    puts 3**2000 % 1_000_007, ("\u00e9" * 100).encode("UTF-16").bytesize' "$n"

# needs: perl
case $1 in quick) n=3000 ;; *) n=60000 ;; esac
perl -e '
    use strict; use warnings; use Digest::MD5 qw(md5_hex); use Storable qw(freeze thaw dclone); use List::Util qw(sum shuffle);
    use Data::Dumper; use Encode; use MIME::Base64; use POSIX qw(floor); use Socket; use IO::Handle;
    my $n = shift; my (%h, @a);
    push @{$h{$_ % 101}}, "v$_" x ($_ % 5) for 1 .. $n;
    print "$_ ", md5_hex(join ",", @{$h{$_}}), "\n" for (sort { $a <=> $b } keys %h)[0 .. 4];
    my $copy = dclone(\%h); my $again = thaw(freeze($copy));
    print md5_hex(join "|", map { @{$again->{$_}} } sort keys %$again), "\n";
    $Data::Dumper::Sortkeys = 1; print md5_hex(Dumper($copy)), "\n";
    my $text = join " ", map { "word$_" } 1 .. $n; my $count = () = $text =~ /\bword\d*7\b/g; print "$count\n";
    $text =~ s/(\d+)/$1 * 2/ge; print md5_hex($text), "\n"; print length(encode("UTF-16", decode("UTF-8", $text))), "\n";
    print md5_hex(encode_base64($text)), "\n"; print sum(map { floor(sqrt $_) } 1 .. $n), "\n";
    socketpair(my $x, my $y, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die; $x->autoflush(1);
    if (my $pid = fork) { close $y; print $x "$_\n" for 1 .. 200; shutdown $x, 1; my @back = <$x>; print scalar(@back), " $back[-1]"; waitpid $pid, 0; print "child $?\n" }
    else { close $x; while (<$y>) { print $y scalar reverse($_ =~ s/\n//r), "\n" } exit 3 }
    print "$_\n" for map { eval "sub { $_ * 2 }->()" } 1 .. 20;
    open my $f, "+>", "file" or die; print $f pack("NnCa8", $_, $_ % 60000, $_ % 256, "t$_") for 1 .. $n; seek $f, 0, 0; local $/; print md5_hex(<$f>), "\n";
    my @sorted = sort { $a->[1] cmp $b->[1] } map { [$_, md5_hex $_] } 1 .. $n; print $sorted[0][0], " ", $sorted[-1][0], "\n";
    sub deep { my $d = shift; $d ? 1 + deep($d - 1) : 0 } no warnings; print deep(2000), "\n";
    my @local = map { my $i = $_; sub { $i += shift } } 1 .. 500; print sum(map { $_->(3) } @local), "\n";' "$n"

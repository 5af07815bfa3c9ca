#!/bin/bash
# SPDX-License-Identifier: MIT
# perl: hashes, sorting, regular expressions, strings that grow.
. "$(dirname "$0")/lib.sh"
need perl

cat >"$work/script.pl" <<'SCRIPT'
use strict;
use warnings;
my (%h, @rows);
for my $i (0 .. 150_000) {
    my $k = "k" . ($i * 7919 % 50_021);
    push @{$h{$k}}, $i;
    push @rows, [$i, $k, "x" x ($i % 60)] if $i % 3 == 0;
}
print scalar(keys %h), " keys, ", scalar(@rows), " rows\n";
my @sorted = sort { $a->[1] cmp $b->[1] || $a->[0] <=> $b->[0] } @rows;
print join(",", map { "$_->[0]:$_->[1]" } @sorted[0 .. 9]), "\n";
my $text = join(" ", map { $_->[1] . $_->[2] } @sorted);
my %seen;
$seen{$1}++ while $text =~ /k(\d{2})\d*x{5,9}\b/g;
print join(" ", map { "$_=$seen{$_}" } sort keys %seen), "\n";
(my $copy = $text) =~ s/x+/Y/g;
print length($text), " ", length($copy), " ", unpack("%32C*", $copy), "\n";
my $grow = "";
$grow .= chr(65 + $_ % 26) x 37 for 1 .. 100_000;
print length($grow), " ", unpack("%32C*", $grow), "\n";
undef %h;
@rows = ();
my @deep = ();
@deep = [@deep, $_] for 1 .. 20_000;
my ($n, $p) = (0, $deep[0]);
while (ref $p eq 'ARRAY' && @$p > 1) { $n++; $p = $p->[0] }
print "$n deep\n";
open my $in, '<', '/proc/self/maps' or die;
open my $out, '>', 'maps' or die;
print $out $_ while <$in>;
SCRIPT

workload() {
    export PERL_HASH_SEED=0
    with perl "$work/script.pl"
    proof <maps
}
compare

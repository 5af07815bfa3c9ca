#!/bin/bash
# SPDX-License-Identifier: MIT
# ruby: strings, hashes, threads, big numbers, a collector that compacts.
. "$(dirname "$0")/lib.sh"
need ruby

cat >"$work/script.rb" <<'SCRIPT'
require 'digest'
require 'json'
people = (0...30000).map { |i| { 'id' => i, 'name' => "n#{i * 7919 % 10007}" } }
text = JSON.generate(people)
puts text.length, Digest::SHA256.hexdigest(text), JSON.parse(text) == people
puts people.group_by { |p| p['name'][-1] }.map { |k, v| [k, v.size] }.sort.inspect
queue = Queue.new
threads = 4.times.map { |t| Thread.new { 5000.times { |i| queue << 'x' * (i % 90) + t.to_s } } }
threads.each(&:join)
puts queue.size, queue.size.times.sum { queue.pop.length }
puts Digest::MD5.hexdigest((1..1500).inject(:*).to_s)
GC.compact if GC.respond_to?(:compact)
puts text.gsub(/n(\d)/) { "m#{$1}#{$1}" }.hash == 0, text.scan(/n12\d+/).size
File.write('maps', File.read('/proc/self/maps'))
SCRIPT

workload() {
    with ruby "$work/script.rb"
    proof <maps
}
compare

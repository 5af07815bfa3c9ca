#!/bin/bash
# SPDX-License-Identifier: MIT
# java: the compiler and a program with threads, maps and a busy collector.
. "$(dirname "$0")/lib.sh"
need java javac

cat >"$work/Main.java" <<'SOURCE'
import java.nio.ByteBuffer;
import java.nio.file.*;
import java.util.*;
import java.util.stream.*;
import java.util.zip.*;
public class Main {
    public static void main(String[] args) throws Exception {
        Map<String, Integer> count = new TreeMap<>();
        for (int i = 0; i < 300000; i++)
            count.merge("k" + i * 7919L % 10007, i, Integer::sum);
        System.out.println(count.size() + " " + count.hashCode());
        System.out.println(IntStream.range(0, 200000).parallel()
            .mapToObj(Integer::toString).mapToLong(String::hashCode).sum());
        long sum = 0;
        for (int i = 0; i < 3000; i++) {        // from malloc
            ByteBuffer b = ByteBuffer.allocateDirect(1 + i * 37 % 60000);
            b.put(0, (byte) i);
            sum += b.get(0);
            Deflater d = new Deflater();
            d.setInput(new byte[i]);
            d.finish();
            sum += d.deflate(new byte[500]);
            d.end();
        }
        System.out.println(sum);
        Files.write(Path.of("maps"), Files.readAllBytes(Path.of("/proc/self/maps")));
    }
}
SOURCE

workload() {
    with javac -d . "$work/Main.java"
    with java -Xmx256m -cp . Main
    proof <maps
}
compare

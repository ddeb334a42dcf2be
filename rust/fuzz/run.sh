#!/usr/bin/env bash
# Fuzzes every target for some seconds: rust/fuzz/run.sh [SECONDS] [TARGET...]
# Needs clang's libFuzzer runtime (Debian: apt-get install libclang-rt-19-dev, or 14 to 18) and g++.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(engineio socketio msgpack json http1 websocket deflate session)

runtime=$(find /usr/lib/llvm-* /usr/lib/clang -name 'libclang_rt.fuzzer-x86_64.a' 2>/dev/null | sort | tail -n 1 || true)
if [ -z "$runtime" ]; then
    echo "fuzz: no libFuzzer runtime found: apt-get install libclang-rt-19-dev (or 14 to 18)" >&2
    exit 1
fi

export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares"
for target in "${targets[@]}"; do
    cargo build --release --quiet --features "$target" --target x86_64-unknown-linux-gnu --target-dir target
    g++ -o "target/$target" -Wl,--whole-archive target/x86_64-unknown-linux-gnu/release/libfuzz.a -Wl,--no-whole-archive \
        "$runtime" -lpthread -ldl -lm
    mkdir -p "corpus/$target" "target/corpus/$target"
    echo "== $target, $seconds s"
    "target/$target" -max_total_time="$seconds" -max_len=4096 -print_final_stats=1 -verbosity=0 \
        "target/corpus/$target" "corpus/$target"
done
echo "fuzz: no target failed"

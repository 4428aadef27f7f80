#!/usr/bin/env bash
# Runs benchmarks and compares them with the run before: scripts/bench.sh [regexp] [count]. Results are kept in
# bin/bench/; figures worth keeping belong into docs/bench/ with their date and machine.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p bin/bench
[ ! -e bin/bench/new.txt ] || mv bin/bench/new.txt bin/bench/old.txt
variables=$(scripts/postgres.sh start) && eval "$variables"
go test -run '^$' -bench "${1:-.}" -benchmem -count "${2:-6}" ./... | grep -v 'no test files' | tee bin/bench/new.txt
files=(bin/bench/new.txt)
[ ! -e bin/bench/old.txt ] || files=(bin/bench/old.txt bin/bench/new.txt)
go tool -modfile=tools/go.mod benchstat "${files[@]}"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A map of vectors in Rust: its two allocations, the map's entry and the vector's push, are named as
# infallible (aborted by Rust's policy); in the version with try_reserve the same two report.
. "$(dirname "$0")/../lib.sh"
[ -x "$PROGRAMS/multimap" ] || skip 'rustc is not installed'

for name in multimap multimap-fixed; do
    status 0 "$DEARTH" check -o "$name.db" --report "$name.json" -- "$PROGRAMS/$name"
done
of() { # FILE FUNCTION
    jq -r --arg f "$2" '[.sites[] | select(.location.function // "" | contains($f)) | .verdict]
        | unique | join("+")' "$1"
}
for function in insert_value push_value; do
    equal aborted "$(of multimap.json $function)" "$function"
    equal reported "$(of multimap-fixed.json $function)" "$function with try_reserve"
    equal policy "$(jq -r --arg f $function '[.findings[]
        | select(.fault.location.function // "" | contains($f)) | .severity] | unique | join("+")' multimap.json)" \
        "$function: severity"
    equal true "$(jq --arg f $function '[.findings[]
        | select(.fault.location.function // "" | contains($f)) | .attribution.policy // ""
        | test("rust|handle_alloc_error"; "i")] | all' multimap.json)" "$function: policy is named"
    equal true "$(jq --arg f $function '[.sites[] | select(.location.function // "" | contains($f))
        | .location.file // "" | endswith("multimap.rs")] | all' multimap.json)" "$function: source file"
done

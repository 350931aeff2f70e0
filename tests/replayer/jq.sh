#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A real program: jq 1.6 checks its allocations in jv_mem_alloc, which aborts (policy), but not the
# strdup of its compiler (a crash), and the user's files are as before.
# tags: unsanitized
. "$(dirname "$0")/../lib.sh"
need jq
case $(jq --version) in jq-1.6*) ;; *) skip 'this is not jq 1.6' ;; esac

status 1 "$DEARTH" check -o jq.db --mode once --report jq.json -- jq '.[].a' "$SOURCE/tests/data/sample.json"
equal true "$(jq '[.findings[] | select(.verdict == "crashed" and .severity == "bug")] | length > 0' jq.json)" 'a crash is found'
equal true "$(jq '[.findings[] | select(.verdict == "aborted" and .severity == "policy")] | length > 0' jq.json)" 'policy is kept apart'
equal true "$(jq '[.findings[] | select(.verdict == "crashed") | .crash.stack | length > 0] | all' jq.json)" 'every crash has its stack'
equal 0 "$(jq '.summary.verdicts.hung' jq.json)" 'hung'

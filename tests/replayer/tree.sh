#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Faults reach every process of a tree.
. "$(dirname "$0")/../lib.sh"

record -- "$PROGRAMS/tree" fork exec spawn system clearenv >/dev/null
replay --mode once --occurrence all --in leaf_work
equal 6 "$(sql dearth.db "SELECT count(*) FROM attempt WHERE repeat = 0")" 'faults'
equal 6 "$(sql dearth.db "SELECT sum(fired) FROM attempt WHERE repeat = 0")" 'fired'
equal reported "$(site_verdicts dearth.db once leaf_work)" 'verdict'

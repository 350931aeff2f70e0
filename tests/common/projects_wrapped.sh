#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# "Testing a project", dearth-suite(7): its blocks with 'dearth wrap', as projects runs the others.
PROJECTS=wrap exec bash "${SOURCE:-$(dirname "$0")/../..}/tests/common/projects.sh"

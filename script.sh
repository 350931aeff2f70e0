#!/bin/sh
./asks && exit 0
./loses
exit 1

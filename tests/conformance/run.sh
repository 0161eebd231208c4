#!/usr/bin/env bash
# Runs the conformance cases: run.sh PROGRAM LISTS_FOLDER WORK_FOLDER DEVICE. Exits with 77 (skipped) without the data.
# The data is onnx_conformance.tar.gz in $MHO_DATA, in shared/data or in ../shared/data.
set -euo pipefail
program=$1 lists=$2 work=$3 device=$4
for folder in "${MHO_DATA:-}" shared/data ../shared/data; do
  archive=$folder/onnx_conformance.tar.gz
  [[ -n $folder && -f $archive ]] && break
done
if [[ ! -f $archive ]]; then
  echo "skipped: no onnx_conformance.tar.gz in \$MHO_DATA, shared/data or ../shared/data"
  exit 77
fi
rm -rf "$work"
mkdir -p "$work"
tar -xzf "$archive" -C "$work"
"$program" --device "$device" --require "$lists/required_operators.txt" --exceptions "$lists/exceptions.txt" "$work"

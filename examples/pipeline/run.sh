#!/bin/sh
# The two pipelines from their YAML files, published, run by name and scheduled; from a shell.
#
#   examples/pipeline/run.sh             all people
#   examples/pipeline/run.sh 2000        the first 2,000
#
# The workspace is the folder `lab` beside this file.
set -eu

rows=${1:-0}
cd "$(dirname "$0")"
# In a checkout, tandemlab is in .venv.
if [ -d ../../.venv/bin ]; then PATH="$(cd ../../.venv/bin && pwd):$PATH"; fi

tandemlab workspace create lab --exist-ok
export TANDEMLAB_WORKSPACE="$PWD/lab"
mkdir -p crashes/new
tandemlab datastore register crashes crashes

tandemlab pipeline publish train.yml
tandemlab pipeline run train --wait -p rows="$rows"
tandemlab model show crash-deaths

tandemlab pipeline publish score.yml
tandemlab schedule create weekly --exist-ok --pipeline train \
  --cron '30 6 * * MON' --time-zone Europe/Berlin
tandemlab schedule create rescore --exist-ok --pipeline score \
  --on-data 'crashes:new/*.csv' --data-parameter new
echo "Put a file with the columns of nassCDS.csv into $PWD/crashes/new to have it scored."

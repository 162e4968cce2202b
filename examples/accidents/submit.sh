#!/bin/sh
# Train in R and in Python as runs of one experiment, and compare them; from a shell.
#
#   examples/accidents/submit.sh
#
# The workspace is the folder `lab` in the working directory.
set -eu

here=$(dirname "$0")
# In a checkout, tandemlab is in .venv.
if [ -d .venv/bin ]; then PATH="$PWD/.venv/bin:$PATH"; fi

python3 "$here/prepare.py"
tandemlab workspace create lab --exist-ok
export TANDEMLAB_WORKSPACE="$PWD/lab"

for script in accidents.R accidents.py; do
  tandemlab run submit --wait --experiment accidents "$here/$script" --data accidents.csv
done
tandemlab run list --experiment accidents --metrics

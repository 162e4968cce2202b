#!/bin/sh
# Train with scikit-learn, as a run of an experiment; from a shell.
#
#   examples/estimators/submit.sh
#
# The workspace is the folder `lab` in the working directory.
set -eu

here=$(dirname "$0")
# In a checkout, tandemlab is in .venv.
if [ -d .venv/bin ]; then PATH="$PWD/.venv/bin:$PATH"; fi

tandemlab workspace create lab --exist-ok
export TANDEMLAB_WORKSPACE="$PWD/lab"
tandemlab run submit --wait --experiment estimators --environment sklearn-1.9 \
  "$here/digits.py" --gamma 0.001
tandemlab run list --experiment estimators --metrics

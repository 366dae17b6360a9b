#!/bin/sh
# Runstone in a Python environment of its own: the commands of the job keep the one that they have.
set -eu
python=${RUNSTONE_ACTION_PYTHON:-python3}
place=$RUNNER_TEMP/runstone-action
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "::error title=Runstone::$python is not Python 3.11 or newer; give the input python, or set one up before"
    exit 1
fi
if [ ! -e "$place/ready" ]; then
    "$python" -m venv --clear "$place"
    set -- "$place/bin/python" -m pip install --quiet --disable-pip-version-check
    "$@" -r "$GITHUB_ACTION_PATH/requirements/runtime.lock"
    "$@" --no-deps "$GITHUB_ACTION_PATH"
    : >"$place/ready"
fi
echo "python=$place/bin/python" >>"$GITHUB_OUTPUT"

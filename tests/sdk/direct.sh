#!/usr/bin/env bash
# Proves the SDK scripts and the scripted provider against each other, without Keyward in between: if a script fails
# here, script or provider is wrong; if it passes here and fails against Keyward, Keyward is.
#
# Usage: tests/sdk/direct.sh PYTHON [NODE_DIRECTORY]
#   PYTHON          the interpreter of a virtual environment with python/requirements.txt installed
#   NODE_DIRECTORY  a copy of tests/sdk/node after `npm ci`; left out, the Node scripts do not run
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=$1
node_directory=${2:-}
scratch=$(mktemp -d)
mkfifo "$scratch/stdin"
cleanup() {
    exec 3>&- || true
    wait "${provider:-}" 2>/dev/null || true
    rm -rf "$scratch"
}
trap cleanup EXIT
(cd "$here/../.." && ${CARGO:-cargo} run --quiet --package keyward-testkit --example provider) \
    <"$scratch/stdin" >"$scratch/stdout" 2>"$scratch/bill" &
provider=$!
# The provider serves until this pipe closes.
exec 3>"$scratch/stdin"
until grep -q '^READY' "$scratch/stdout"; do
    kill -0 "$provider" || { cat "$scratch/bill" >&2; exit 1; }
    sleep 0.1
done
value() { sed -n "s/^$1=//p" "$scratch/stdout"; }
failed=0
run() { # vendor, command...
    local vendor=$1
    shift
    echo "== ${*: -1}"
    KEYWARD_URL=$(value URL) KEYWARD_KEY=$(value "${vendor}_KEY") \
        KEYWARD_LIMITED_KEY=$(value "${vendor}_LIMITED_KEY") \
        KEYWARD_RESTRICTED_KEY=$(value "${vendor}_RESTRICTED_KEY") "$@" || failed=1
}
run OPENAI "$python" "$here/python/openai_sdk.py"
run ANTHROPIC "$python" "$here/python/anthropic_sdk.py"
run GEMINI "$python" "$here/python/google_genai_sdk.py"
if [ -n "$node_directory" ]; then
    run OPENAI node "$node_directory/openai_sdk.mjs"
    run ANTHROPIC node "$node_directory/anthropic_sdk.mjs"
fi
exit "$failed"

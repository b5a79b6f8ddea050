#!/bin/sh
# The whole comparison in one command, from any folder of the checkout:
#   sh bench/forest/run.sh [flags of bench/forest]
# It installs Debian's scikit-learn where that is missing (needs root).
set -eu
cd "$(dirname "$0")/../.."
/usr/bin/python3 -c 'import sklearn' 2>/dev/null || apt-get install -y python3-sklearn
exec go run ./bench/forest "$@"

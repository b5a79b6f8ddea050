#!/bin/sh
# Installs what bench/forest compares with and Debian has: scikit-learn.
set -eu
/usr/bin/python3 -c 'import sklearn' 2>/dev/null || apt-get install -y python3-sklearn

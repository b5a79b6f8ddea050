# Everything here is also a script of its own; the names are for people.
.PHONY: test build packages release

test:
	go test ./...

build:
	.ci/build

packages:
	packaging/build

# Twice, from two clean checkouts in two places: every artefact must come out byte for byte the same.
release:
	packaging/release

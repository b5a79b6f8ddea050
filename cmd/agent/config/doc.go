// Package config is the agent's configuration file: the whole of it as one
// struct, and the way from bytes to that struct and back.
//
// Load and Parse read a file and report every fault at once, each with its
// line, a caret, a hint and, for a mistyped name, the nearest one that exists;
// Render is how the command line shows them. Default is the configuration of
// an agent without a file, Print writes one as TOML that explains itself, and
// Boot always comes back with one that watches the host, whatever is wrong
// with the file.
//
// Each package owns its part of Config: the struct, its toml tags and its
// Validate method. This package adds what only the whole can know: names that
// are there twice, routes to sinks that do not exist, rules on metrics that
// nothing measures.
//
// The TOML parser is pelletier/go-toml; the way from its syntax tree to the
// structs is our own (tree.go, decode.go), because go-toml stops at the first
// value of a wrong type, and a person wants to see all faults with their lines.
//
// Caveats: a file is at most 1 MiB and nests at most 16 deep. Secrets that
// `${env:…}` and `${credential:…}` refer to are read while parsing. A line is
// shown without what looks like a secret in it.
package config

// Package manual writes what a shell and man(1) show of the commands and of the
// config file: manual pages in man(7) and completions for bash, zsh and fish.
// All of it is made from the lists that the commands themselves use, so that
// nothing can be forgotten; packages are built from `firewatch man` and
// `firewatch completion`.
package manual

// Command is one subcommand.
type Command struct {
	Name, Args, Does string
	Flags            []Flag
}

// Flag is one flag of a command.
type Flag struct {
	Name  string
	Value string // what it takes, such as "file"; "" = nothing
	Help  string
}

// Table is one table of the config file.
type Table struct {
	Head string // as written in the file, such as "[[probe]]"
	Text string
	Keys []Key
}

// Key is one key of a table.
type Key struct {
	Name, Type string
	Default    string // TOML, "" = none
	Text       string
}

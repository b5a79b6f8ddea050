// Package machine has no code: its tests hold the packages to their promises on
// a real systemd. They run as root inside a machine that is thrown away; the
// script run makes it.
package machine

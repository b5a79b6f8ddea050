package config

import (
	"reflect"
	"strings"

	"github.com/firewatch-agent/firewatch/internal/conf"
)

// fileFaults reports the files of secrets that cannot be read. It looks at those
// that are read at the start, of sinks and [http]: without one the start would
// fail. Probes and the heartbeat read theirs at each attempt.
func (c *Config) fileFaults() []conf.Fault {
	out := secretFiles("http", c.HTTP)
	for _, s := range c.Sinks.entries() {
		out = append(out, secretFiles(s.path, s.config)...)
	}
	return out
}

// secretFiles reports the files of one table that cannot be read: NAME_file,
// where NAME is a secret that is not set.
func secretFiles(path string, table any) []conf.Fault {
	v := reflect.ValueOf(table)
	var out []conf.Fault
	for f := range fields(v.Type()) {
		name, ok := strings.CutSuffix(f.name, "_file")
		i := fieldIndex(v.Type(), name)
		if !ok || i < 0 {
			continue
		}
		secret, ok := v.Field(i).Interface().(conf.Secret)
		if !ok {
			continue
		}
		if _, err := conf.FileOr(secret, v.Field(f.index).String()); err != nil {
			out = append(out, conf.Fault{Path: join(path, f.name), Problem: err.Error(), Hint: "it is read at the start: make it, and let the agent's user read it"})
		}
	}
	return out
}

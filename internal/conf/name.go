package conf

import (
	"fmt"
	"regexp"
)

var sinkName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// ValidateSinkName reports a sink's name that is not of the form [a-z0-9-].
func ValidateSinkName(name string) []Fault {
	if sinkName.MatchString(name) {
		return nil
	}
	return []Fault{{"name", fmt.Sprintf("sink name %q is not of the form [a-z0-9-], 1 to 64 letters", name), `write for example name = "ops"`}}
}

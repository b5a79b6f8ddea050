package conf

import (
	"fmt"
	"net/url"
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

// ValidateEndpoint reports an endpoint that is no http or https URL.
func ValidateEndpoint(endpoint string) []Fault {
	if u, err := url.Parse(endpoint); endpoint == "" || err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") {
		return nil
	}
	return []Fault{{"endpoint", fmt.Sprintf("endpoint %q is not a URL", endpoint), "leave it out for the service's own"}}
}

package conf

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
)

// CheckURL says what is wrong with an address that something is sent to: it is
// https, or http to this host, or, with clear, http to any host.
func CheckURL(s string, clear bool) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "":
		return errors.New("url is not a URL")
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http":
		return fmt.Errorf("url has scheme %q", u.Scheme)
	case clear || isLoopback(u.Hostname()):
		return nil
	}
	return errors.New("url sends alerts in clear text over the network")
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
